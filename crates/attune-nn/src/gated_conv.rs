//! Gated causal convolution with residual and skip (van den Oord et al. 2016): the layer of WaveNet.

use super::kernels::gated_convolution::GatedConvolution;
use super::kernels::packed_matrix::Precision;
use super::kernels::values;
use super::streaming::gated::PackedGatedConv;
use super::weights::{Init, Weights};
use candle_core::{Result, Tensor};

/// z = tanh(W_f ∗ x + h_f) ⊙ σ(W_g ∗ x + h_g), x ← x + V_x·z, s ← s + V_s·z.
#[derive(Debug, Clone)]
pub struct GatedConv {
    op: GatedConvolution,
    kernel: Tensor,
    bias: Tensor,
    out: Tensor,
    out_bias: Tensor,
}

impl GatedConv {
    /// `op` is its shape.
    ///
    /// # Errors
    /// If the weights are of another shape.
    pub fn new(mut weights: Weights<'_>, op: GatedConvolution) -> Result<Self> {
        let (r, both) = (op.residual, op.residual + op.skip);
        let of = |fan_in| Init::KaimingUniform { fan_in, gain: 1.0 };
        Ok(Self {
            op,
            kernel: weights.param("kernel", &[op.taps * r, 2 * r], of(op.taps * r))?,
            bias: weights.param("bias", &[2 * r], Init::Constant(0.0))?,
            out: weights.param("out", &[r, both], of(r))?,
            out_bias: weights.param("out_bias", &[both], Init::Constant(0.0))?,
        })
    }

    /// \[x; s\] (b, t, residual + skip) and h (b, 2 · residual), to the next \[x; s\].
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, u: &Tensor, condition: &Tensor) -> Result<Tensor> {
        let parts = [&self.kernel, &self.bias, &self.out, &self.out_bias];
        let rows = parts.map(Tensor::flatten_all).into_iter().collect::<Result<Vec<_>>>()?;
        u.contiguous()?
            .apply_op3(&Tensor::cat(&rows, 0)?, &condition.contiguous()?, self.op)
    }

    /// The form for streams.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn pack(&self, precision: Precision) -> Result<PackedGatedConv> {
        let [kernel, bias, out, out_bias] = [&self.kernel, &self.bias, &self.out, &self.out_bias].map(values);
        Ok(PackedGatedConv::new(
            self.op,
            (&kernel?, &bias?),
            (&out?, &out_bias?),
            precision,
        ))
    }
}

#[cfg(test)]
#[path = "gated_conv_tests.rs"]
mod tests;
