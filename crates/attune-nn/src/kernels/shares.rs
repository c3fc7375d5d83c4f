//! Work divided among the threads of the pool, each with a share of its own.
//!
//! Kernels know nothing of threads but this: on one thread nothing is handed over (waking a pool costs as much as a
//! small op), on several each takes neighbouring items. What is summed is summed in the order of the shares, so that
//! the same number of threads gives the same bits.

use rayon::prelude::*;
use std::ops::Range;

/// Ranges of `0..items`, one for each thread of the present pool, of nearly the same length and none empty.
pub fn shares(items: usize) -> Vec<Range<usize>> {
    let threads = rayon::current_num_threads().clamp(1, items.max(1));
    (0..threads)
        .map(|thread| thread * items / threads..(thread + 1) * items / threads)
        .collect()
}

/// Runs `work` on each task, on the present pool, and gives what came of them in their order.
pub fn each<T: Send, R: Send>(tasks: Vec<T>, work: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    if tasks.len() < 2 {
        tasks.into_iter().map(work).collect()
    } else {
        tasks.into_par_iter().map(work).collect()
    }
}

/// Cuts `values`, rows of `width`, where the shares of the rows end.
pub fn cut<'a>(mut values: &'a mut [f32], shares: &[Range<usize>], width: usize) -> Vec<&'a mut [f32]> {
    let mut pieces = Vec::with_capacity(shares.len());
    for share in shares {
        let (piece, rest) = values.split_at_mut(share.len() * width);
        pieces.push(piece);
        values = rest;
    }
    pieces
}

/// Adds the other sums to the first ones, in order.
pub fn total(parts: Vec<Vec<f32>>) -> Vec<f32> {
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_default();
    for part in parts {
        for (total, part) in total.iter_mut().zip(part) {
            *total += part;
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_has_one_share_whatever_the_threads() {
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                for items in [0, 1, 2, 7, 100] {
                    let shares = shares(items);
                    assert_eq!(shares.len(), threads.min(items.max(1)));
                    let joined: Vec<usize> = shares.into_iter().flatten().collect();
                    assert_eq!(joined, (0..items).collect::<Vec<_>>());
                }
            });
        }
    }

    #[test]
    fn results_come_in_the_order_of_the_tasks() {
        let squares = each((0..100).collect(), |n: u64| n * n);
        assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<_>>());
        assert_eq!(total(vec![vec![1.0, 2.0], vec![0.5, 0.25]]), [1.5, 2.25]);
    }
}
