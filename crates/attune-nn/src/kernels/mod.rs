//! Custom ops of candle with forward and backward by hand, and the products under them and under [`streaming`].
//!
//! In: contiguous f32 tensors on the CPU. Out: the same. Thread: any; work is divided among the current rayon pool.
//!
//! candle stays the tensor library and the autodiff. Each op documents its formula, shapes and paper. Below the ops:
//! `packed_matrix` (products with a matrix packed once), `attend` (attention over a ring of keys and values), `simd`
//! (dispatch to the widest instructions), `parallel` (threads), `denormals`.
//!
//! [`streaming`]: crate::streaming

pub mod activation;
pub(crate) mod aligned;
pub mod attend;
pub mod attention_block;
pub mod batch_norm;
pub mod causal_attention;
pub mod code_rows;
pub mod convolution;
pub mod cross_entropy;
pub mod denormals;
pub(crate) mod exponential;
pub mod feed_forward;
pub mod gated_convolution;
pub mod hyperbolic;
pub mod layer_norm;
pub mod lstm_sequence;
pub mod matmul;
pub mod memory;
mod outer_sum;
pub mod packed_matrix;
mod parallel;
pub mod priority;
mod recurrence;
pub mod reduce;
pub mod residual;
pub mod rnn_sequence;
pub mod running_moments;
pub mod simd;
pub mod strided_convolution;
mod tap_product;
pub mod weighted_moments;
pub mod window_moments;
pub mod windowed_softmax;

use candle_core::{CpuStorage, Layout, Result, Storage, StorageRef, Tensor, bail};
use std::ops::{Deref, Range};

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
pub fn values(x: &Tensor) -> Result<Vec<f32>> {
    x.flatten_all()?.to_vec1()
}

/// The values of a contiguous f32 tensor, read where they lie.
pub(crate) struct Borrowed<'a> {
    storage: StorageRef<'a>,
    range: Range<usize>,
}

/// Borrows the values of `x`, which is contiguous f32 on the CPU.
pub(crate) fn borrow(x: &Tensor) -> Result<Borrowed<'_>> {
    let (storage, layout) = x.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("the values of {:?} do not lie in order", layout.dims());
    };
    if !matches!(&*storage, Storage::Cpu(CpuStorage::F32(_))) {
        bail!("the values are not f32 on the CPU");
    }
    Ok(Borrowed {
        storage,
        range: start..end,
    })
}

impl Deref for Borrowed<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.clone()],
            _ => unreachable!("checked by `borrow`"),
        }
    }
}
