//! Divides work among the threads of the current pool.
//!
//! In: independent tasks, values by row. Out: results in the order of the tasks. Thread: any; work runs on the pool.
//!
//! This is all that kernels know of threads. On one thread nothing is handed over (waking a pool costs as much as a
//! small op); on several, each thread works on neighbouring items. Partial sums are added in the order of the tasks, so
//! that the same number of threads gives the same bits.

use rayon::prelude::*;
use std::ops::Range;

/// Ranges of `0..items`, one for each thread of the current pool, of nearly equal length; none is empty unless `items`
/// is 0.
pub(super) fn thread_ranges(items: usize) -> Vec<Range<usize>> {
    let threads = rayon::current_num_threads().clamp(1, items.max(1));
    (0..threads)
        .map(|thread| thread * items / threads..(thread + 1) * items / threads)
        .collect()
}

/// Runs `work` on each task, on the current pool; results in the order of the tasks.
pub(super) fn parallel_map<T: Send, R: Send>(tasks: Vec<T>, work: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    if tasks.len() < 2 {
        tasks.into_iter().map(work).collect()
    } else {
        tasks.into_par_iter().map(work).collect()
    }
}

/// Splits `values`, rows of `width`, into the rows of each range; the ranges follow each other from row 0 on.
pub(super) fn split_rows<'a>(mut values: &'a mut [f32], ranges: &[Range<usize>], width: usize) -> Vec<&'a mut [f32]> {
    let mut pieces = Vec::with_capacity(ranges.len());
    for range in ranges {
        let (piece, rest) = values.split_at_mut(range.len() * width);
        pieces.push(piece);
        values = rest;
    }
    pieces
}

/// The sum of all parts, value by value, added in order.
pub(super) fn sum_in_order(parts: Vec<Vec<f32>>) -> Vec<f32> {
    let mut parts = parts.into_iter();
    let mut sums = parts.next().unwrap_or_default();
    for part in parts {
        for (sum, part) in sums.iter_mut().zip(part) {
            *sum += part;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_in_one_range_for_any_number_of_threads() {
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                for items in [0, 1, 2, 7, 100] {
                    let ranges = thread_ranges(items);
                    assert_eq!(ranges.len(), threads.min(items.max(1)));
                    let joined: Vec<usize> = ranges.into_iter().flatten().collect();
                    assert_eq!(joined, (0..items).collect::<Vec<_>>());
                }
            });
        }
    }

    #[test]
    fn results_keep_the_order_of_the_tasks() {
        let squares = parallel_map((0..100).collect(), |n: u64| n * n);
        assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<_>>());
        assert_eq!(sum_in_order(vec![vec![1.0, 2.0], vec![0.5, 0.25]]), [1.5, 2.25]);
    }
}
