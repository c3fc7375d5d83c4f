//! Our own ops with hand-written forward and backward, as candle custom ops: candle stays the tensor library and the
//! autodiff.
//!
//! In: contiguous f32 tensors on the CPU. Out: the same. Thread: any.

pub mod aligned;
pub mod attend;
pub mod exponential;
pub mod lstm_sequence;
pub mod matmul;
pub mod packed_matrix;
pub mod reduce;
pub mod running_moments;
pub mod tap_patches;
pub mod widest;
pub mod windowed_softmax;

use candle_core::{CpuStorage, Layout, Result, bail};

/// The values of a contiguous f32 tensor.
fn contiguous<'a>(op: &str, storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(values) = storage else {
        bail!("{op} works on f32 only");
    };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!("{op} needs contiguous tensors"),
    }
}

/// All values of a tensor, copied out in order.
pub fn values(x: &candle_core::Tensor) -> Result<Vec<f32>> {
    x.flatten_all()?.to_vec1()
}
