use super::*;
use crate::gradcheck::worst_disagreement;
use crate::kernels::code_rows::CodeRows;
use crate::streaming::frame_buf::MAX_BLOCK;
use crate::streaming::gated::{GatedScratch, Rows};
use crate::weights::WeightStore;
use candle_core::{Device, Var};

fn wave(shape: &[usize], pace: f32) -> Tensor {
    let values = (0..shape.iter().product())
        .map(|n: usize| (n as f32 * pace).sin())
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// A scalar near 1 in which every value counts differently.
fn weigh(y: &Tensor) -> Result<Tensor> {
    let weights = wave(y.dims(), 0.37);
    ((y * weights)?.sum_all()? * (1.0 / (y.elem_count() as f64).sqrt()))?.reshape(())
}

const OP: GatedConvolution = GatedConvolution {
    residual: 16,
    skip: 16,
    taps: 2,
    dilation: 2,
};

#[test]
fn gradients_of_the_gated_convolution_are_the_differences() {
    for dilation in [1, 2, 7] {
        let mut store = WeightStore::random(1);
        let layer = GatedConv::new(store.root(), GatedConvolution { dilation, ..OP }).unwrap();
        let u = Var::from_tensor(&wave(&[2, 5, 32], 0.71)).unwrap();
        let h = Var::from_tensor(&wave(&[2, 32], 1.3)).unwrap();
        let mut variables: Vec<Var> = store.params().map(|(_, var)| var.clone()).collect();
        assert_eq!(variables.len(), 4);
        variables.extend([u.clone(), h.clone()]);
        let worst = worst_disagreement(&variables, 1e-2, || weigh(&layer.forward(&u, &h)?)).unwrap();
        assert!(worst.error < 2e-3, "dilation {dilation}: {worst:?}");
    }
}

#[test]
fn gradients_of_the_table_are_the_differences() {
    let table = Var::from_tensor(&wave(&[2, 5, 3], 0.9)).unwrap();
    let lookup = CodeRows {
        codes: [0, 4, 4, 1, 3, 2].into(),
        streams: 2,
        zeros: 2,
    };
    let worst = worst_disagreement(std::slice::from_ref(&table), 1e-2, || {
        weigh(&table.apply_op1(lookup.clone())?)
    })
    .unwrap();
    assert!(worst.error < 2e-3, "{worst:?}");
    // The second frame of the second stream: the row of its code, and that of the code before it.
    let y: Vec<f32> = table
        .apply_op1(lookup)
        .unwrap()
        .get(1)
        .unwrap()
        .get(1)
        .unwrap()
        .to_vec1()
        .unwrap();
    let rows: Vec<Vec<f32>> = [(0, 3), (1, 1)]
        .map(|(tap, code)| table.get(tap).unwrap().get(code).unwrap().to_vec1().unwrap())
        .into();
    for column in 0..3 {
        assert!((y[column] - rows[0][column] - rows[1][column]).abs() < 1e-6);
    }
    assert_eq!(y.len(), 5);
    assert!(y[3..].iter().all(|zero| zero.to_bits() == 0));
    // No such code.
    let wrong = CodeRows {
        codes: [5].into(),
        streams: 1,
        zeros: 0,
    };
    assert!(table.apply_op1(wrong).is_err());
}

#[test]
fn several_streams_in_blocks_are_the_whole_sequences() {
    let mut store = WeightStore::random(2);
    let op = GatedConvolution { dilation: 9, ..OP };
    let layer = GatedConv::new(store.root(), op).unwrap();
    let packed = layer.pack(Precision::F32).unwrap();
    let (streams, frames, both) = (3, 200, 32);
    let u = wave(&[streams, frames, both], 0.77);
    let h = wave(&[streams, 2 * op.residual], 0.5);
    let whole = values(&layer.forward(&u, &h).unwrap()).unwrap();
    let (u, h) = (values(&u).unwrap(), values(&h).unwrap());
    for lengths in [vec![MAX_BLOCK], vec![1], vec![5, 1, 33]] {
        let mut rows = Rows::new(streams, both);
        let (mut state, mut scratch) = (packed.initial_state(streams), GatedScratch::new(streams, op));
        let (mut at, mut blocks) = (0, lengths.iter().cycle());
        while at < frames {
            let length = (*blocks.next().unwrap()).min(frames - at);
            rows.reset(streams * length);
            let place = |row: usize| ((row / length) * frames + at + row % length) * both;
            for row in 0..streams * length {
                rows.row_mut(row).copy_from_slice(&u[place(row)..][..both]);
            }
            packed.step(&mut rows, &h, &mut state, &mut scratch);
            for row in 0..streams * length {
                for (streamed, whole) in rows.row(row).iter().zip(&whole[place(row)..]) {
                    assert!(
                        (streamed - whole).abs() < 1e-5,
                        "{lengths:?} {row}: {streamed} and {whole}"
                    );
                }
            }
            at += length;
        }
    }
}

/// `tests/golden/make.py`, `gated_convolution`: PyTorch's conv1d, tanh, sigmoid and linear in f64.
#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/data/gated_conv.safetensors"
    );
    let golden = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let of = |name: &str| golden[name].clone();
    let (u, h) = (Var::from_tensor(&of("u")).unwrap(), Var::from_tensor(&of("h")).unwrap());
    let mut store = WeightStore::random(0);
    let op = GatedConvolution { dilation: 3, ..OP };
    let layer = GatedConv::new(store.root(), op).unwrap();
    let params: Vec<(String, Var)> = store
        .params()
        .map(|(name, var)| (name.to_owned(), var.clone()))
        .collect();
    assert_eq!(params.len(), 4);
    for (name, var) in &params {
        var.set(&of(name)).unwrap();
    }
    let near = |name: &str, found: &Tensor| {
        let (found, golden) = (values(found).unwrap(), values(&of(name)).unwrap());
        assert_eq!(found.len(), golden.len(), "{name}");
        for (found, golden) in found.iter().zip(&golden) {
            assert!(
                (found - golden).abs() < 1e-5 * (1.0 + golden.abs()),
                "{name}: {found} and {golden}"
            );
        }
    };
    let y = layer.forward(&u, &h).unwrap();
    near("y", &y);
    let grads = (y * of("count")).unwrap().sum_all().unwrap().backward().unwrap();
    near("grad.u", grads.get(&u).unwrap());
    near("grad.h", grads.get(&h).unwrap());
    for (name, var) in &params {
        near(&format!("grad.{name}"), grads.get(var).unwrap());
    }
}
