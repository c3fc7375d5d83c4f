//! Products of strided matrices, accumulated in place by the `gemm` crate.

use gemm::Parallelism;

/// A matrix inside a slice.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Where the first value lies.
    pub offset: usize,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// From one row to the next.
    pub row_stride: usize,
    /// From one column to the next.
    pub col_stride: usize,
}

impl View {
    /// A whole row-major matrix.
    pub fn row_major(rows: usize, cols: usize) -> Self {
        Self {
            offset: 0,
            rows,
            cols,
            row_stride: cols,
            col_stride: 1,
        }
    }

    /// The same values with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// Whether every value lies inside a slice of `len`.
    fn fits(&self, len: usize) -> bool {
        self.rows == 0
            || self.cols == 0
            || self.offset + (self.rows - 1) * self.row_stride + (self.cols - 1) * self.col_stride < len
    }
}

/// dst += a · b, on the calling thread; callers divide rows among threads (`parallel`).
///
/// # Panics
/// If the shapes do not match or a view leaves its slice: a bug of the caller.
#[allow(unsafe_code, reason = "gemm takes raw pointers")]
pub fn add_product(dst: (&mut [f32], View), a: (&[f32], View), b: (&[f32], View)) {
    let (dst_values, dst_view) = dst;
    let ((a_values, a_view), (b_values, b_view)) = (a, b);
    assert!(
        a_view.cols == b_view.rows && dst_view.rows == a_view.rows && dst_view.cols == b_view.cols,
        "shapes do not match: {dst_view:?} += {a_view:?} · {b_view:?}"
    );
    assert!(
        dst_view.fits(dst_values.len()) && a_view.fits(a_values.len()) && b_view.fits(b_values.len()),
        "a view leaves its slice"
    );
    assert!(
        dst_view.col_stride == 1 && dst_view.row_stride >= dst_view.cols,
        "rows of the destination overlap: {dst_view:?}"
    );
    // SAFETY: all three views lie inside their slices (asserted above), the destination's elements are distinct
    // (asserted above) and borrowed mutably, so that it does not overlap the others.
    unsafe {
        gemm::gemm(
            dst_view.rows,
            dst_view.cols,
            a_view.cols,
            dst_values.as_mut_ptr().add(dst_view.offset),
            dst_view.col_stride.cast_signed(),
            dst_view.row_stride.cast_signed(),
            true,
            a_values.as_ptr().add(a_view.offset),
            a_view.col_stride.cast_signed(),
            a_view.row_stride.cast_signed(),
            b_values.as_ptr().add(b_view.offset),
            b_view.col_stride.cast_signed(),
            b_view.row_stride.cast_signed(),
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "sums of small whole numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn equals_the_sum_over_the_middle_index() {
        let a: Vec<f32> = (0..12).map(|i| i as f32).collect(); // 3 × 4
        let b: Vec<f32> = (0..8).map(|i| (i * i) as f32).collect(); // 4 × 2, used transposed from 2 × 4
        let mut dst = vec![1.0; 3 * 5];
        let place = View {
            offset: 2,
            rows: 3,
            cols: 2,
            row_stride: 5,
            col_stride: 1,
        };
        add_product(
            (&mut dst, place),
            (&a, View::row_major(3, 4)),
            (&b, View::row_major(2, 4).transposed()),
        );
        for row in 0..3 {
            for col in 0..5 {
                let product: f32 = if (2..4).contains(&col) {
                    (0..4).map(|k| a[row * 4 + k] * b[(col - 2) * 4 + k]).sum()
                } else {
                    0.0
                };
                assert_eq!(dst[row * 5 + col], 1.0 + product, "row {row}, column {col}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "a view leaves its slice")]
    fn refuses_a_view_beyond_its_slice() {
        let mut dst = vec![0.0; 3];
        add_product(
            (&mut dst, View::row_major(2, 2)),
            (&[1.0; 2], View::row_major(2, 1)),
            (&[1.0; 2], View::row_major(1, 2)),
        );
    }
}
