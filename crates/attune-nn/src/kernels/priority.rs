//! Lets other threads go first.
//!
//! In: nothing. Out: nothing. Thread: any; it holds for that thread, and for those that it starts.

/// Of 0, as usual, to 19, the last to run.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lowers the priority of the calling thread: for long work beside something that is live. Where the system has none
/// for single threads, or refuses, nothing changes.
pub fn lower_priority() {
    #[cfg(target_os = "linux")]
    #[allow(unsafe_code, reason = "a call of the C library sets the thread's priority")]
    {
        // SAFETY: `setpriority` takes three numbers and touches no memory of ours. On Linux 0 is the calling thread.
        let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[allow(unsafe_code, reason = "a call of the C library reads the thread's priority")]
    fn niceness() -> i32 {
        // SAFETY: as above.
        unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
    }

    #[test]
    fn only_this_thread_and_those_that_it_starts_wait_for_others() {
        let before = niceness();
        let lowered = std::thread::spawn(|| {
            lower_priority();
            (niceness(), std::thread::spawn(niceness).join().expect("it ends"))
        });
        // What runs later than that already stays where it is.
        let expected = NICENESS.max(before);
        assert_eq!(lowered.join().expect("it ends"), (expected, expected));
        assert_eq!(niceness(), before);
    }
}
