//! Convolution with a long response, block by block through the Fourier transform (overlap-add).

use realfft::RealFftPlanner;
use realfft::num_complex::Complex32;

/// Samples convolved with a response, cut to the length of the samples: what rings after the end is lost.
pub fn convolved(samples: &[f32], response: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; samples.len()];
    if samples.is_empty() || response.is_empty() {
        return out;
    }
    // Blocks of about the response's length cost least; short ones would be mostly overhead.
    let size = (2 * response.len()).next_power_of_two().max(4096);
    let block = size - response.len() + 1;
    let mut planner = RealFftPlanner::new();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let mut padded = forward.make_input_vec();
    let mut filter = forward.make_output_vec();
    padded[..response.len()].copy_from_slice(response);
    transform(forward.process(&mut padded, &mut filter));
    let mut bins = forward.make_output_vec();
    let scale = 1.0 / size as f32;
    for (number, piece) in samples.chunks(block).enumerate() {
        padded[..piece.len()].copy_from_slice(piece);
        padded[piece.len()..].fill(0.0);
        transform(forward.process(&mut padded, &mut bins));
        for (bin, filter) in bins.iter_mut().zip(&filter) {
            *bin *= filter;
        }
        keep_ends_real(&mut bins);
        transform(inverse.process(&mut bins, &mut padded));
        for (out, value) in out[number * block..].iter_mut().zip(&padded) {
            *out += value * scale;
        }
    }
    out
}

/// The inverse transform refuses a first or last bin with an imaginary part, which rounding may leave.
fn keep_ends_real(bins: &mut [Complex32]) {
    if let [first, .., last] = bins {
        (first.im, last.im) = (0.0, 0.0);
    }
}

fn transform(result: Result<(), realfft::FftError>) {
    result.expect("all buffers were made by the plan that checks their lengths");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_sum_over_all_delays_across_blocks() {
        let samples: Vec<f32> = (0..9000).map(|n| ((n * n) % 17) as f32 - 8.0).collect();
        let response: Vec<f32> = (0..300).map(|n| ((n % 7) as f32 - 3.0) * 0.1).collect();
        let out = convolved(&samples, &response);
        for n in [0, 1, 299, 300, 3795, 3796, 3797, 4095, 4096, 8999] {
            let sum: f64 = (0..=n.min(response.len() - 1))
                .map(|k| f64::from(response[k]) * f64::from(samples[n - k]))
                .sum();
            assert!((f64::from(out[n]) - sum).abs() < 1e-3, "{n}: {} {sum}", out[n]);
        }
    }

    #[test]
    fn nothing_stays_nothing() {
        assert!(convolved(&[], &[1.0]).is_empty());
        assert_eq!(convolved(&[1.0, 2.0], &[]), [0.0, 0.0]);
    }
}
