//! One layer: 3 × 3 convolution with batch norm folded in, max pool, ELU.

use attune_nn::kernels::matmul::{View, add_product};

/// Feature maps in a frame of zeros one wide, so that a kernel never leaves them: (maps, height + 2, width + 2).
#[derive(Debug, Clone)]
pub(super) struct Maps {
    values: Vec<f32>,
    count: usize,
    height: usize,
    width: usize,
}

impl Maps {
    /// All zeros.
    pub(crate) fn new(maps: usize, height: usize, width: usize) -> Self {
        Self {
            values: vec![0.0; maps * (height + 2) * (width + 2)],
            count: maps,
            height,
            width,
        }
    }

    /// One row of one map, without the frame.
    pub(crate) fn row(&self, map: usize, y: usize) -> &[f32] {
        &self.values[self.start(map, y + 1, 1)..][..self.width]
    }

    /// The same, to be written.
    pub(crate) fn row_mut(&mut self, map: usize, y: usize) -> &mut [f32] {
        let start = self.start(map, y + 1, 1);
        &mut self.values[start..][..self.width]
    }

    /// Place of a value, rows and columns counted with the frame.
    fn start(&self, map: usize, y: usize, x: usize) -> usize {
        (map * (self.height + 2) + y) * (self.width + 2) + x
    }

    /// The mean of each map.
    pub(crate) fn means(&self) -> impl Iterator<Item = f32> + '_ {
        let count = (self.height * self.width).max(1) as f64;
        (0..self.count).map(move |map| {
            let rows = (0..self.height).map(|y| self.row(map, y).iter().map(|&x| f64::from(x)).sum::<f64>());
            (rows.sum::<f64>() / count) as f32
        })
    }
}

#[derive(Debug)]
pub(super) struct Layer {
    inputs: usize,
    /// (outputs, inputs · 9).
    weights: Vec<f32>,
    bias: Vec<f32>,
    pool: (usize, usize),
}

impl Layer {
    /// Of weights (outputs, inputs, 3, 3).
    pub(crate) fn new(inputs: usize, weights: Vec<f32>, bias: Vec<f32>, pool: (usize, usize)) -> Self {
        Self {
            inputs,
            weights,
            bias,
            pool,
        }
    }

    pub(crate) fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Multiplies one output by `factor` and adds `shift`: a norm with fixed statistics.
    pub(crate) fn scale(&mut self, output: usize, factor: f32, shift: f32) {
        let taps = self.inputs * 9;
        for weight in &mut self.weights[output * taps..][..taps] {
            *weight *= factor;
        }
        self.bias[output] = factor * self.bias[output] + shift;
    }

    /// The ELU grows with its argument, so that it may as well follow the pool: a dozen times fewer exponentials.
    pub(crate) fn forward(&self, x: &Maps) -> Maps {
        let (pool_height, pool_width) = self.pool;
        let (outputs, taps, width) = (self.outputs(), self.inputs * 9, x.width);
        let mut out = Maps::new(outputs, x.height / pool_height, width / pool_width);
        // Row by row: the patches of one row stay in the cache.
        let mut patches = vec![0.0; taps * width];
        let mut row = vec![0.0; outputs * width];
        for pooled_y in 0..out.height {
            for y in pooled_y * pool_height..(pooled_y + 1) * pool_height {
                Self::gather(x, y, &mut patches);
                for (row, bias) in row.chunks_exact_mut(width).zip(&self.bias) {
                    row.fill(*bias);
                }
                add_product(
                    (&mut row, View::row_major(outputs, width)),
                    (&self.weights, View::row_major(outputs, taps)),
                    (&patches, View::row_major(taps, width)),
                );
                let is_first = y == pooled_y * pool_height;
                for (output, row) in row.chunks_exact(width).enumerate() {
                    let places = out.row_mut(output, pooled_y);
                    for (most, few) in places.iter_mut().zip(row.chunks_exact(pool_width)) {
                        let start = if is_first { f32::NEG_INFINITY } else { *most };
                        *most = few.iter().fold(start, |most, x| most.max(*x));
                    }
                }
            }
            for output in 0..outputs {
                for value in out.row_mut(output, pooled_y) {
                    *value = if *value > 0.0 { *value } else { value.exp_m1() };
                }
            }
        }
        out
    }

    /// What each weight meets along row `y`: (inputs · 9, width).
    fn gather(x: &Maps, y: usize, patches: &mut [f32]) {
        for (tap, patch) in patches.chunks_exact_mut(x.width).enumerate() {
            let (input, place) = (tap / 9, tap % 9);
            let start = x.start(input, y + place / 3, place % 3);
            patch.copy_from_slice(&x.values[start..][..x.width]);
        }
    }
}
