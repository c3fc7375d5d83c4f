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

/// Undoes [`keep_freed_memory`], and returns what is freed to the system: for a program that goes on after training.
pub fn give_freed_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "a call of the C library configures the allocator")]
    {
        // SAFETY: as above; `malloc_trim` returns only memory that is not in use, under the allocator's locks.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 128 << 10);
            libc::mallopt(libc::M_TRIM_THRESHOLD, 128 << 10);
            libc::mallopt(libc::M_TOP_PAD, 0);
            libc::malloc_trim(0);
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

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    /// Memory of this process that is in the machine, in bytes.
    fn resident() -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
        let pages: usize = text
            .split_whitespace()
            .nth(1)
            .expect("a second field")
            .parse()
            .expect("a number");
        pages * 4096
    }

    #[test]
    fn what_training_kept_goes_back_to_the_system() {
        const BLOCK: usize = 64 << 10;
        const SIZE: usize = 256 << 20;
        keep_freed_memory();
        let mut blocks: Vec<Vec<u8>> = (0..SIZE / BLOCK)
            .map(|_| std::hint::black_box(vec![1; BLOCK]))
            .collect();
        // The newest holds the heap up: below it everything is free.
        blocks.drain(..blocks.len() - 1);
        let kept = resident();
        assert!(kept > SIZE / 2, "it is kept: {kept}");
        give_freed_memory_back();
        let left = resident();
        assert!(left + SIZE / 2 < kept, "{kept} before, {left} after");
        drop(blocks);
    }
}
