//! Configures and reads the system's allocator.
//!
//! In: nothing. Out: bytes in use. Thread: any; the setting holds for the process.

/// Makes the allocator keep freed memory instead of returning it to the system. A training step allocates and frees
/// hundreds of megabytes; mapping and clearing the pages each time was a third of the step's time. For training and
/// measuring; live analysis does not need it. No effect without the GNU C library.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "a call of the C library configures the allocator")]
    {
        // SAFETY: `mallopt` takes two numbers, is safe on any thread, and changes only when memory goes back to the
        // system. A value that is refused changes nothing.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
            libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
            libc::mallopt(libc::M_TOP_PAD, 1 << 26);
        }
    }
}

/// Bytes allocated and not yet freed, all threads together, modulo 2³²: use the difference of two calls. `None` without
/// the GNU C library.
pub fn allocated_bytes() -> Option<u32> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "a call of the C library reads the allocator's counts")]
    {
        // SAFETY: `mallinfo` only reads the allocator's own counts, under its locks, on any thread.
        let counts = unsafe { libc::mallinfo() };
        // Small blocks, and large ones that were mapped by themselves. The counts are C's `int` and wrap.
        Some(counts.uordblks.wrapping_add(counts.hblkhd).cast_unsigned())
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    None
}
