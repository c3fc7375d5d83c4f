//! Whether an Ogg file ends where a page does (RFC 3533).
//!
//! In: a part of a file. Out: yes or no. Thread: any.

use super::bytes::Part;
use std::io;

/// The longest page.
const PAGE_BYTES: u64 = 65_307;
const HEADER_BYTES: usize = 27;

/// Whether the file ends in the middle of a page: its own length goes beyond the end.
pub(super) fn ends_in_a_page(part: &Part) -> io::Result<bool> {
    let start = part.start.max(part.end.saturating_sub(PAGE_BYTES));
    let tail = part.read_at(start, PAGE_BYTES as usize)?;
    let is_page = |at: &usize| tail[*at..].starts_with(b"OggS\0");
    let Some(last) = (0..tail.len()).rev().find(is_page) else {
        return Ok(false);
    };
    let page = &tail[last..];
    let Some(&segments) = page.get(HEADER_BYTES - 1) else {
        return Ok(true);
    };
    let Some(table) = page.get(HEADER_BYTES..HEADER_BYTES + usize::from(segments)) else {
        return Ok(true);
    };
    let body: usize = table.iter().map(|&length| usize::from(length)).sum();
    Ok(HEADER_BYTES + table.len() + body > page.len())
}
