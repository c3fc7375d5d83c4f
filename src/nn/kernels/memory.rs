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
pub fn bytes_taken() -> Option<u32> {
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

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_counted() {
        // Other tests take and give back beside this one, which may hide it once, but not every time.
        let is_counted = |_| {
            let before = bytes_taken().unwrap();
            // Looked at by nobody, it would not be taken at all.
            let taken = std::hint::black_box(vec![1u8; 256 << 20]);
            let with = bytes_taken().unwrap().wrapping_sub(before).cast_signed() >> 20;
            drop(taken);
            let after = bytes_taken().unwrap().wrapping_sub(before).cast_signed() >> 20;
            (200..320).contains(&with) && after < 128
        };
        assert!((0..20).any(is_counted));
    }
}
