//! Seconds since 1970 as a date that people read.
//!
//! In: seconds. Out: text, in UTC. Thread: any.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970 now; 0 on a computer whose clock is older.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs() as i64)
}

/// The date: `2026-11-26`. Days are counted as in H. Hinnant 2013, *chrono-compatible low-level date algorithms*
/// (`civil_from_days`).
///
/// ```
/// assert_eq!(attune::calendar::date(951_782_400), "2000-02-29");
/// ```
pub fn date(unix_secs: i64) -> String {
    // Years begin in March here, so that the leap day is the last one.
    let days = unix_secs.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Date and time of day: `2026-11-26 08:05`.
///
/// ```
/// assert_eq!(attune::calendar::date_time(1_700_000_000), "2023-11-14 22:13");
/// ```
pub fn date_time(unix_secs: i64) -> String {
    let secs = unix_secs.rem_euclid(86_400);
    format!("{} {:02}:{:02}", date(unix_secs), secs / 3600, secs / 60 % 60)
}
