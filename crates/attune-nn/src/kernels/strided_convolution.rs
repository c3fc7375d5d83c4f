//! 2-D convolution over time and frequency, strided in both: causal, as the front needs it, or with frames ahead.

use super::outer_sum::{StridedRows, add_outer};
use super::packed_matrix::{Finish, PackedMatrix, Start, padded};
use super::parallel::{parallel_map, split_rows, sum_in_order, thread_ranges};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;

/// y(n, place, map) = Σ over frames i and bands j of the kernel of W(i, j, map) · x(n · stride in frames + ahead −
/// (frames − 1 − i), place · stride in bands + j).
///
/// Arguments: x (b, t, bands) and W (frames · bands of the kernel, maps), the earliest frame first. Before the first
/// frame and after the last there are zeros. Result (b, ⌈t / stride in frames⌉, places · maps), where places = (bands −
/// kernel bands) / stride in bands + 1. Several values for each band, side by side, are as many bands; all that counts
/// bands is then multiplied by their number.
#[derive(Debug, Clone, Copy)]
pub struct StridedConvolution {
    /// Length of a kernel, in frames.
    pub kernel_frames: usize,
    /// Of these, how many lie ahead of the frame that is answered; 0: causal.
    pub frames_ahead: usize,
    /// Frames from one answer to the next.
    pub stride_frames: usize,
    /// Height of a kernel, in bands.
    pub kernel_bands: usize,
    /// Bands from one place of the kernel to the next.
    pub stride_bands: usize,
}

#[derive(Debug, Clone, Copy)]
struct Sizes {
    streams: usize,
    frames: usize,
    bands: usize,
    maps: usize,
    places: usize,
    /// Frames of the result.
    answers: usize,
}

impl StridedConvolution {
    fn sizes(&self, x: &[usize], kernel: &[usize]) -> Result<Sizes> {
        match (x, kernel) {
            (&[streams, frames, bands], &[rows, maps])
                if rows == self.kernel_frames * self.kernel_bands
                    && bands >= self.kernel_bands
                    && self.stride_bands > 0
                    && self.stride_frames > 0
                    && self.frames_ahead < self.kernel_frames
                    && maps > 0 =>
            {
                Ok(Sizes {
                    streams,
                    frames,
                    bands,
                    maps,
                    places: (bands - self.kernel_bands) / self.stride_bands + 1,
                    answers: frames.div_ceil(self.stride_frames),
                })
            }
            _ => bail!("strided_convolution: {x:?} and {kernel:?} do not match for {self:?}"),
        }
    }

    /// Which taps of the kernel lie on one of `frames` frames at an answer, and the frame of the first of them.
    fn taps(&self, answer: usize, frames: usize) -> (Range<usize>, usize) {
        // Frame of tap i: first + i − before.
        let (first, before) = (answer * self.stride_frames, self.kernel_frames - 1 - self.frames_ahead);
        let missing = before.saturating_sub(first);
        let end = self.kernel_frames.min(frames + before - first);
        (missing..end.max(missing), first + missing - before)
    }

    /// The answers at which a tap lies on one of `frames` frames, and that frame of the first of them.
    fn answers_of(&self, tap: usize, sizes: Sizes) -> (Range<usize>, usize) {
        let before = self.kernel_frames - 1 - self.frames_ahead;
        let start = before.saturating_sub(tap).div_ceil(self.stride_frames);
        let end = (sizes.frames + before).saturating_sub(tap).div_ceil(self.stride_frames);
        let range = start..end.min(sizes.answers).max(start);
        (range, (start * self.stride_frames + tap).saturating_sub(before))
    }

    /// One stream (t, bands) to (answers, places · maps).
    fn forward(&self, sizes: Sizes, x: &[f32], kernel: &PackedMatrix, y: &mut [f32]) {
        let Sizes {
            bands, maps, places, ..
        } = sizes;
        let stride = padded(maps);
        let mut sums = vec![0.0; places * stride];
        // The product wants an input for every row of the matrix but the first ones.
        let after = vec![0.0; self.kernel_bands];
        for (answer, y) in y.chunks_exact_mut(places * maps).enumerate() {
            let (taps, first) = self.taps(answer, sizes.frames);
            kernel.multiply_from(
                taps.start * self.kernel_bands,
                self.kernel_frames - taps.start,
                |place, tap| {
                    if first + tap < sizes.frames {
                        &x[(first + tap) * bands + place * self.stride_bands..][..self.kernel_bands]
                    } else {
                        &after
                    }
                },
                (Start::Bias, Finish::Plain),
                &mut sums,
            );
            for (y, sums) in y.chunks_exact_mut(maps).zip(sums.chunks_exact(stride)) {
                y.copy_from_slice(&sums[..maps]);
            }
        }
    }

    /// ∂L/∂W of one stream, rows padded, into `sums`.
    fn add_weight_gradient(&self, sizes: Sizes, x: &[f32], grads: &[f32], sums: &mut [f32]) {
        let Sizes {
            answers,
            bands,
            maps,
            places,
            ..
        } = sizes;
        let stride = padded(maps);
        // One place after the other, so that the answers of each lie side by side: (places, answers, padded maps).
        let mut of_places = vec![0.0; places * answers * stride];
        for (answer, grads) in grads.chunks_exact(places * maps).enumerate() {
            for (place, grads) in grads.chunks_exact(maps).enumerate() {
                of_places[(place * answers + answer) * stride..][..maps].copy_from_slice(grads);
            }
        }
        let of_tap = self.kernel_bands * stride;
        for (place, grads) in of_places.chunks_exact(answers * stride).enumerate() {
            for (tap, sums) in sums.chunks_exact_mut(of_tap).enumerate() {
                let (range, first) = self.answers_of(tap, sizes);
                if range.is_empty() {
                    continue;
                }
                let x = StridedRows {
                    values: &x[first * bands + place * self.stride_bands..],
                    stride: bands * self.stride_frames,
                    width: self.kernel_bands,
                };
                let grads = StridedRows {
                    values: &grads[range.start * stride..],
                    stride,
                    width: stride,
                };
                add_outer(x, grads, range.len(), sums);
            }
        }
    }

    /// ∂L/∂x of one stream into `dx`; `transposed` is W as (maps, frames · bands of the kernel).
    fn add_input_gradient(&self, sizes: Sizes, grads: &[f32], transposed: &PackedMatrix, dx: &mut [f32]) {
        let Sizes {
            bands, maps, places, ..
        } = sizes;
        let stride = padded(transposed.outputs());
        let mut patches = vec![0.0; places * stride];
        for (answer, grads) in grads.chunks_exact(places * maps).enumerate() {
            transposed.multiply(
                1,
                |place, _| &grads[place * maps..][..maps],
                (Start::Bias, Finish::Plain),
                &mut patches,
            );
            let (taps, first) = self.taps(answer, sizes.frames);
            for (place, patch) in patches.chunks_exact(stride).enumerate() {
                let seen = patch.chunks_exact(self.kernel_bands).skip(taps.start).take(taps.len());
                for (row, patch) in (first..).zip(seen) {
                    let into = &mut dx[row * bands + place * self.stride_bands..][..self.kernel_bands];
                    for (into, value) in into.iter_mut().zip(patch) {
                        *into += value;
                    }
                }
            }
        }
    }
}

impl CustomOp2 for StridedConvolution {
    fn name(&self) -> &'static str {
        "strided_convolution"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let sizes = self.sizes(l1.dims(), l2.dims())?;
        let (answers, of_x) = (sizes.answers, sizes.frames * sizes.bands);
        let of_y = answers * sizes.places * sizes.maps;
        let x = contiguous(self.name(), s1, l1)?;
        let kernel = PackedMatrix::new(contiguous(self.name(), s2, l2)?, &vec![0.0; sizes.maps]);
        let mut y = vec![0.0; sizes.streams * of_y];
        let parts = thread_ranges(sizes.streams);
        let tasks = parts.iter().cloned().zip(split_rows(&mut y, &parts, of_y)).collect();
        parallel_map(tasks, |(streams, y): (Range<usize>, &mut [f32])| {
            for (stream, y) in streams.zip(y.chunks_exact_mut(of_y)) {
                self.forward(sizes, &x[stream * of_x..][..of_x], &kernel, y);
            }
        });
        Ok((CpuStorage::F32(y), (sizes.streams, answers, of_y / answers).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        _res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let sizes = self.sizes(x.dims(), kernel.dims())?;
        let (of_x, of_y) = (sizes.frames * sizes.bands, sizes.answers * sizes.places * sizes.maps);
        let (patch, maps) = kernel.dims2()?;
        let stride = padded(maps);
        let grad_res = grad_res.contiguous()?;
        let (values, grads) = (borrow(x)?, borrow(&grad_res)?);
        let (values, grads): (&[f32], &[f32]) = (&values, &grads);
        let parts = thread_ranges(sizes.streams);
        let sums = sum_in_order(parallel_map(parts.clone(), |streams| {
            let mut sums = vec![0.0; patch * stride];
            for stream in streams {
                let (x, grads) = (&values[stream * of_x..][..of_x], &grads[stream * of_y..][..of_y]);
                self.add_weight_gradient(sizes, x, grads, &mut sums);
            }
            sums
        }));
        let rows = sums.chunks_exact(stride).flat_map(|row| &row[..maps]);
        let dkernel = Tensor::from_iter(rows.copied(), x.device())?.reshape((patch, maps))?;
        if !x.track_op() {
            return Ok((None, Some(dkernel)));
        }
        let transposed = PackedMatrix::transposed(&borrow(kernel)?, maps);
        let mut dx = vec![0.0; values.len()];
        let tasks = parts.iter().cloned().zip(split_rows(&mut dx, &parts, of_x)).collect();
        parallel_map(tasks, |(streams, dx): (Range<usize>, &mut [f32])| {
            for (stream, dx) in streams.zip(dx.chunks_exact_mut(of_x)) {
                self.add_input_gradient(sizes, &grads[stream * of_y..][..of_y], &transposed, dx);
            }
        });
        Ok((Some(Tensor::from_vec(dx, x.shape(), x.device())?), Some(dkernel)))
    }
}
