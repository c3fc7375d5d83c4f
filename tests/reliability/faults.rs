//! Thousands of faults of a device, one after another, in time that passes when the test says so: the real capture
//! and the real engine over a sound system that fails on command.
//!
//! What holds after each of them: every sample that was delivered was read or is counted as lost, and an outage is
//! reported as long as it was. What holds at the end: no thread, no descriptor and no memory more than at the beginning.

#![cfg(target_os = "linux")]

use super::fault_rig::Rig;
use super::held::held;
use std::process::{Command, Stdio};

/// The child's part: this many faults…
const FAULTS: &str = "ATTUNE_TEST_FAULTS";
/// …of this schedule.
const SEED: &str = "ATTUNE_TEST_SEED";
/// Faults before what is held is first counted: caches and the allocator have what they need then.
const WARM_UP: u64 = 400;
/// How many threads and descriptors more there may be at the end.
const SLACK: u64 = 2;
/// How much memory more.
const MORE_BYTES: u64 = 5_000_000;

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find(|line| line.starts_with("Rss:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// The child's only test, in a process of its own since it counts what the process holds; does nothing when the whole
/// binary is tested.
#[test]
fn sufferer() {
    let Ok(faults) = std::env::var(FAULTS) else { return };
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    let began = std::time::Instant::now();
    let mut rig = Rig::start(seed);
    rig.suffer(WARM_UP);
    let (held_before, resident_before) = (held(), resident());
    rig.suffer(faults.parse().unwrap());
    let (held_after, resident_after) = (held(), resident());
    println!(
        "\n{}; threads {} then {}, descriptors {} then {}, memory {:+.1} MB; {:.0} s",
        rig.summary(),
        held_before[0],
        held_after[0],
        held_before[1],
        held_after[1],
        (resident_after as f64 - resident_before as f64) / 1e6,
        began.elapsed().as_secs_f64()
    );
    for (before, after) in held_before.into_iter().zip(held_after) {
        assert!(after <= before + SLACK, "{held_before:?}, then {held_after:?}");
    }
    let more = resident_after.saturating_sub(resident_before);
    assert!(more <= MORE_BYTES, "{more} bytes more");
}

fn suffer(faults: u32, seed: u32) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::sufferer", "--test-threads=1", "--nocapture"])
        .env(FAULTS, faults.to_string())
        .env(SEED, seed.to_string())
        // Rings are made on one thread and freed on another, and glibc keeps what it can use again: it would count here.
        .env("MALLOC_ARENA_MAX", "1")
        .env("MALLOC_MMAP_THRESHOLD_", "131072")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success(),
        "seed {seed}: {said}{}",
        String::from_utf8_lossy(&child.stderr)
    );
    let line = said.lines().find(|line| line.contains("threads")).unwrap();
    super::proved(&format!("faults of a device, seed {seed}"), line);
}

#[test]
fn a_device_of_some_hundred_faults_loses_nothing_uncounted() {
    suffer(300, 1);
}

#[test]
#[ignore = "takes minutes: 10,000 faults"]
fn proof_long_a_device_of_ten_thousand_faults_loses_nothing_uncounted() {
    suffer(10_000, 2);
}
