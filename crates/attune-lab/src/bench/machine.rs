//! What this processor can do at the most: the ceilings that steps are held against. One thread.

use super::measure::{Effort, quantile};
use attune_nn::kernels::matmul::{View, add_product};
use serde::Serialize;
use std::hint::black_box;
use std::time::Instant;

/// The machine, and its measured speeds on one thread.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// Processor family.
    pub arch: &'static str,
    /// Operating system.
    pub os: &'static str,
    /// Name of the processor, where the system reports it.
    pub processor: Option<String>,
    /// Threads that run at once.
    pub cores: usize,
    /// Second-level cache of one core, in bytes; 1 MiB where the system does not report it.
    pub l2_bytes: usize,
    /// A 256 × 256 matrix (256 KiB) with a vector, 10⁹ operations in a second.
    pub matvec_gflops: f64,
    /// The same with 8 MiB of matrices, whose weights come from beyond L2.
    pub matvec_far_gflops: f64,
    /// A product of 384 × 384 matrices.
    pub gemm_gflops: f64,
    /// Reading 256 KiB again and again, 10⁹ bytes in a second.
    pub read_gbytes: f64,
    /// Reading 8 MiB again and again.
    pub read_far_gbytes: f64,
    /// Copying within L2 (128 KiB to 128 KiB), 10⁹ bytes copied in a second.
    pub copy_gbytes: f64,
    /// Copying between memory (64 MiB to 64 MiB).
    pub copy_far_gbytes: f64,
}

impl Machine {
    /// Measures.
    pub fn measure(effort: Effort) -> Self {
        let (near, far) = ((1, 256), (2, 1024));
        Self {
            arch: std::env::consts::ARCH,
            os: std::env::consts::OS,
            processor: processor(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            l2_bytes: l2_bytes(),
            matvec_gflops: matvec(near, effort),
            matvec_far_gflops: matvec(far, effort),
            gemm_gflops: gemm(384, effort),
            read_gbytes: read(256 << 10, effort),
            read_far_gbytes: read(8 << 20, effort),
            copy_gbytes: copy(128 << 10, effort),
            copy_far_gbytes: copy(64 << 20, effort),
        }
    }

    /// A machine of these speeds, for tests: L2 in bytes, mat-vec near and far, products of matrices.
    #[cfg(test)]
    pub(crate) fn of_speeds(l2_bytes: usize, matvec_gflops: f64, matvec_far_gflops: f64, gemm_gflops: f64) -> Self {
        Self {
            arch: "none",
            os: "none",
            processor: None,
            cores: 1,
            l2_bytes,
            matvec_gflops,
            matvec_far_gflops,
            gemm_gflops,
            read_gbytes: 0.0,
            read_far_gbytes: 0.0,
            copy_gbytes: 1.0,
            copy_far_gbytes: 1.0,
        }
    }

    /// The most that a matrix with a vector can reach whose numbers take so many bytes, in 10⁹ operations a second:
    /// what was measured, or two operations for each number of four bytes that can be read, whichever is more.
    pub(crate) fn matvec_for(&self, bytes: usize) -> f64 {
        let near = self.matvec_gflops.max(self.read_gbytes / 2.0);
        if bytes <= self.l2_bytes {
            near
        } else {
            self.matvec_far_gflops.max(self.read_far_gbytes / 2.0).min(near)
        }
    }
}

/// The most of several rounds: a ceiling is what the machine can do when nothing else runs. `each` is one run, which
/// does so much (operations, bytes); 10⁹ of them in a second.
fn best(amount: f64, effort: Effort, mut each: impl FnMut()) -> f64 {
    each();
    let mut seconds = Vec::new();
    for _ in 0..effort.rounds.max(3) {
        let begin = Instant::now();
        let mut round = Vec::new();
        while round.len() < effort.fewest.max(5) || begin.elapsed() < effort.patience {
            // Several at once where one is too short for the clock.
            let repeats = (20_000.0 / amount.sqrt()).clamp(1.0, 50.0) as usize;
            let start = Instant::now();
            for _ in 0..repeats {
                each();
            }
            round.push(start.elapsed().as_secs_f64() / repeats as f64);
        }
        round.sort_by(f64::total_cmp);
        seconds.push(quantile(&round, 0.5));
    }
    amount / seconds.into_iter().fold(f64::INFINITY, f64::min) / 1e9
}

/// `count` matrices of `side` × `side`, one after the other, by the faster of two ways: a row times a matrix, and a
/// matrix times a column.
fn matvec((count, side): (usize, usize), effort: Effort) -> f64 {
    let weights = vec![0.5f32; count * side * side];
    let x = vec![0.25f32; side];
    let mut y = vec![0.0f32; side];
    let flops = (2 * weights.len()) as f64;
    let mut way = |is_row: bool| {
        best(flops, effort, || {
            for weights in weights.chunks_exact(side * side) {
                y.fill(0.0);
                let (row, square) = (View::row_major(1, side), View::row_major(side, side));
                if is_row {
                    add_product((&mut y, row), (&x, row), (weights, square));
                } else {
                    let column = View::row_major(side, 1);
                    add_product((&mut y, column), (weights, square), (&x, column));
                }
                black_box(&mut y);
            }
        })
    };
    way(true).max(way(false))
}

/// A product of two square matrices.
fn gemm(side: usize, effort: Effort) -> f64 {
    let (a, b) = (vec![0.5f32; side * side], vec![0.25f32; side * side]);
    let mut c = vec![0.0f32; side * side];
    let view = View::row_major(side, side);
    best((2 * side * side * side) as f64, effort, || {
        add_product((&mut c, view), (&a, view), (&b, view));
        black_box(&mut c);
    })
}

fn read(bytes: usize, effort: Effort) -> f64 {
    let data = vec![1u64; bytes / 8];
    best(bytes as f64, effort, || {
        // Whole numbers: their sum may be taken in any order, so the compiler uses vectors.
        black_box(black_box(&data).iter().fold(0u64, |sum, x| sum.wrapping_add(*x)));
    })
}

fn copy(bytes: usize, effort: Effort) -> f64 {
    let from = vec![1u8; bytes];
    let mut to = vec![0u8; bytes];
    best(bytes as f64, effort, || {
        to.copy_from_slice(black_box(&from));
        black_box(&mut to);
    })
}

fn l2_bytes() -> usize {
    let reported = std::fs::read_to_string("/sys/devices/system/cpu/cpu0/cache/index2/size").ok();
    reported.as_deref().and_then(kibibytes).unwrap_or(1 << 20)
}

/// `1024K` as the system writes it, in bytes.
fn kibibytes(text: &str) -> Option<usize> {
    text.trim().strip_suffix('K')?.parse::<usize>().ok().map(|k| k << 10)
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_caches_are_read() {
        assert_eq!(kibibytes("1024K\n"), Some(1 << 20));
        assert_eq!(kibibytes("2M"), None);
    }

    #[test]
    fn speeds_are_positive_and_weights_beyond_the_cache_are_not_faster() {
        let machine = Machine::measure(Effort::QUICK);
        for speed in [
            machine.matvec_gflops,
            machine.matvec_far_gflops,
            machine.gemm_gflops,
            machine.read_gbytes,
            machine.read_far_gbytes,
            machine.copy_gbytes,
            machine.copy_far_gbytes,
        ] {
            assert!(speed.is_finite() && speed > 0.0, "{machine:?}");
        }
        assert!(machine.matvec_for(usize::MAX) <= machine.matvec_for(0));
    }
}
