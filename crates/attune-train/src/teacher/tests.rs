//! The teacher's layers against loops, with a network made by hand.

use super::layer::Maps;
use super::*;

/// Numbers that look random and are the same everywhere.
fn values(count: usize, seed: usize) -> Vec<f32> {
    (0..count)
        .map(|i| (((i + seed) * 7_919 % 1_009) as f32 / 1_009.0 - 0.5) * 0.8)
        .collect()
}

#[test]
fn a_layer_equals_the_loops_over_its_definition() {
    let (inputs, outputs, height, width, pool) = (3, 4, 7, 11, (2, 3));
    let mut x = Maps::new(inputs, height, width);
    let flat = values(inputs * height * width, 1);
    for map in 0..inputs {
        for y in 0..height {
            x.row_mut(map, y)
                .copy_from_slice(&flat[(map * height + y) * width..][..width]);
        }
    }
    let (weights, bias) = (values(outputs * inputs * 9, 2), values(outputs, 3));
    let mut layer = Layer::new(inputs, weights.clone(), bias.clone(), pool);
    layer.scale(1, -2.0, 0.25); // a norm may turn the sign: the pool must come after it
    let out = layer.forward(&x);
    let at = |map: usize, y: i64, xx: i64| {
        if y < 0 || xx < 0 || y >= height as i64 || xx >= width as i64 {
            return 0.0;
        }
        f64::from(flat[(map * height + y as usize) * width + xx as usize])
    };
    for output in 0..outputs {
        let mut sum = 0.0;
        for pooled_y in 0..height / pool.0 {
            for pooled_x in 0..width / pool.1 {
                let mut most = f64::NEG_INFINITY;
                for y in pooled_y * pool.0..(pooled_y + 1) * pool.0 {
                    for xx in pooled_x * pool.1..(pooled_x + 1) * pool.1 {
                        let mut value = f64::from(bias[output]);
                        for map in 0..inputs {
                            for tap in 0..9 {
                                let weight = weights[(output * inputs + map) * 9 + tap];
                                value += f64::from(weight)
                                    * at(map, y as i64 + tap as i64 / 3 - 1, xx as i64 + tap as i64 % 3 - 1);
                            }
                        }
                        if output == 1 {
                            value = -2.0 * value + 0.25;
                        }
                        most = most.max(if value > 0.0 { value } else { value.exp() - 1.0 });
                    }
                }
                let given = f64::from(out.row(output, pooled_y)[pooled_x]);
                assert!(
                    (given - most).abs() < 1e-5,
                    "{output} {pooled_y} {pooled_x}: {given} {most}"
                );
                sum += most;
            }
        }
        let mean = f64::from(out.means().nth(output).unwrap());
        assert!((mean - sum / 9.0).abs() < 1e-5, "{mean}");
    }
}

/// A whole teacher of two maps a layer and three tags.
fn file(spoil: impl Fn(&str, &mut Vec<usize>)) -> Vec<u8> {
    let mut shapes = vec![("mel".to_owned(), vec![BINS, BANDS])];
    for layer in 1..=5 {
        let inputs = if layer == 1 { 1 } else { 2 };
        shapes.push((format!("conv{layer}.weight"), vec![2, inputs, 3, 3]));
        shapes.push((format!("conv{layer}.bias"), vec![2]));
        for part in ["weight", "bias", "mean", "var"] {
            shapes.push((format!("norm{layer}.{part}"), vec![2]));
        }
    }
    shapes.push(("tags.weight".to_owned(), vec![3, 2]));
    shapes.push(("tags.bias".to_owned(), vec![3]));
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .map(|(name, mut shape)| {
            spoil(&name, &mut shape);
            let count = shape.iter().product();
            let bytes = values(count, name.len())
                .iter()
                .flat_map(|x| {
                    if name.ends_with("var") || name == "mel" {
                        x.abs()
                    } else {
                        *x
                    }
                    .to_le_bytes()
                })
                .collect();
            (name, shape, bytes)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = safetensors::tensor::TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        (name.as_str(), view)
    });
    let metadata = std::collections::HashMap::from([("tags".to_owned(), "rock,jazz,slow".to_owned())]);
    safetensors::serialize(views, Some(metadata)).unwrap()
}

#[test]
fn a_whole_teacher_outputs_features_and_tags_whatever_the_loudness() {
    let net = TeacherNet::from_bytes(&file(|_, _| ())).unwrap();
    assert_eq!(net.feature_count(), 10);
    let samples: Vec<f32> = values(40_000, 5);
    let output = net.run(&samples, SampleRate(22_050)).unwrap();
    assert_eq!((output.features.len(), output.tags.len()), (10, 3));
    assert!(output.tags.iter().all(|p| *p > 0.0 && *p < 1.0));
    // Levels are taken against the loudest: a gain falls out.
    let quiet: Vec<f32> = samples.iter().map(|x| x * 0.25).collect();
    for (a, b) in output
        .features
        .iter()
        .zip(net.run(&quiet, SampleRate(22_050)).unwrap().features)
    {
        assert!((a - b).abs() < 1e-3, "{a} {b}");
    }
    let other = net.run(&values(40_000, 77)[..20_000], SampleRate(22_050)).unwrap();
    assert_ne!(output, other);
    // sigmoid(tags · last two features + bias), by hand for the first tag.
    let (weights, bias) = (values(6, "tags.weight".len()), values(3, "tags.bias".len()));
    let logit = weights[0] * output.features[8] + weights[1] * output.features[9] + bias[0];
    assert!((output.tags[0] - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-6);
}

#[test]
fn what_is_no_teacher_is_refused_by_name() {
    let refusal = |name: &'static str| {
        TeacherNet::from_bytes(&file(move |given, shape| {
            if given == name {
                shape[0] += 1;
            }
        }))
        .unwrap_err()
    };
    for name in ["mel", "conv3.bias", "norm5.var", "tags.bias"] {
        let message = refusal(name);
        assert!(message.contains(name), "{message}");
    }
    assert!(!TeacherNet::from_bytes(b"half a file").unwrap_err().is_empty());
}

#[test]
fn agreement_is_measured_in_deviations() {
    // One feature, stored 0 and 2 (deviation 1), computed 0.5 too high each time.
    let (computed, stored) = ([[0.5f32], [2.5]], [[0.0f32], [2.0]]);
    let pairs: Vec<(&[f32], &[f32])> = computed.iter().zip(&stored).map(|(a, b)| (&a[..], &b[..])).collect();
    let agreement = Agreement::of(&pairs).unwrap();
    assert!((agreement.correlation - 1.0).abs() < 1e-9);
    assert!((agreement.mean_error - 0.5).abs() < 1e-9 && (agreement.greatest_error - 0.5).abs() < 1e-9);
    assert_eq!(Agreement::of(&pairs[..1]), None);
}
