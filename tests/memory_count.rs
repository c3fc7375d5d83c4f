//! What is taken from the allocator is counted: by itself, for every test of a process takes and gives back.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use attune_nn::kernels::memory::allocated_bytes;

#[test]
fn what_is_taken_is_counted() {
    let before = allocated_bytes().unwrap();
    // Looked at by nobody, it would not be taken at all.
    let taken = std::hint::black_box(vec![1u8; 256 << 20]);
    let with = allocated_bytes().unwrap().wrapping_sub(before) >> 20;
    assert_eq!(with, 256, "MiB, of {}", taken.len());
    drop(taken);
    let left = allocated_bytes().unwrap().wrapping_sub(before).cast_signed();
    assert!(left.abs() < 1 << 20, "{left} bytes");
}
