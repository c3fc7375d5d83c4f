//! Training beside something that is live: on few threads, and after everything else.
//!
//! In: work. Out: its result. Thread: the caller's, whose priority is lowered, and a pool that ends with the work.

use super::TrainError;
use attune_nn::kernels::priority::lower_priority;
use std::num::NonZero;
use std::thread::available_parallelism;

/// Does work on half of the processor's cores, at low priority; so does the calling thread from now on.
///
/// # Errors
/// Those of the work, or if there are no threads.
pub fn in_background<T: Send>(work: impl FnOnce() -> Result<T, TrainError> + Send) -> Result<T, TrainError> {
    lower_priority();
    let cores = available_parallelism().map_or(2, NonZero::get);
    // Its threads are started by this one, and have its priority.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads((cores / 2).max(1))
        .thread_name(|number| format!("attune-train-{number}"))
        .build()?;
    pool.install(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_cores_are_left_to_others() {
        let cores = available_parallelism().map_or(2, NonZero::get);
        let work = || Ok(rayon::current_num_threads());
        let threads = std::thread::spawn(move || in_background(work)).join().unwrap().unwrap();
        assert_eq!(threads, (cores / 2).max(1));
    }
}
