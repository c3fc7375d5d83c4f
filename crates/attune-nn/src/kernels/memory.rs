//! What the system's allocator does with the memory of tensors that come and go.

/// Keeps freed memory for the next tensors instead of giving it back to the system. A training step frees and takes
/// hundreds of megabytes: taken from the system each time, every page of them is cleared and mapped anew, which was a
/// third of the time of a step. For training and measuring; a program that listens needs it not. Nothing where the C
/// library is not GNU's.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "the allocator is told by a call of the C library")]
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

/// Bytes that the program has taken from the allocator and not given back, all threads together, counted modulo 2³²: what
/// lies between two calls is the difference. `None` where the C library is not GNU's.
pub fn allocated_bytes() -> Option<u32> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "the allocator is asked by a call of the C library")]
    {
        // SAFETY: `mallinfo` only reads the allocator's own counts, under its locks, on any thread.
        let counts = unsafe { libc::mallinfo() };
        // Small blocks, and large ones that were mapped by themselves. The counts are C's `int` and wrap.
        Some(counts.uordblks.wrapping_add(counts.hblkhd).cast_unsigned())
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    None
}
