//! `attune bench`: how fast each part is on this machine, as median and 99th percentile.

use super::BenchArgs;
use crate::decode::decode_file;
use crate::features::{FeatureExtractor, FrameBlock, RateConverter};
use crate::model::golden;
use crate::model::{ModelSet, StreamOutput};
use crate::nn::kernels::matmul::{View, add_product};
use crate::offline;
use crate::smoothing::SmoothingConfig;
use crate::units::SampleRate;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A minute of music that is always at hand.
const DEMO: &[u8] = include_bytes!("../../assets/demo/demo.ogg");
/// Time given to each row.
const PATIENCE: Duration = Duration::from_millis(700);
/// Fewest and most runs of each row.
const RUNS: (usize, usize) = (5, 2_000);
/// Frames in a step.
const BLOCKS: [usize; 5] = [1, 4, 16, 64, 256];

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    unit: &'static str,
    median: f64,
    p99: f64,
}

/// Measures and prints.
pub(super) fn run(args: &BenchArgs, models: &ModelSet) -> anyhow::Result<ExitCode> {
    let mut rows = Vec::new();
    let matvec = matvec_gflops();
    steps(models, &mut rows)?;
    features(models, &mut rows)?;
    let folder = tempfile::tempdir()?;
    let own = [folder.path().join("demo.ogg"), folder.path().join("demo.wav")];
    write_demo(&own)?;
    for path in own.iter().chain(&args.files) {
        file(path, models, &mut rows)?;
    }
    if args.json {
        let machine = json!({
            "arch": std::env::consts::ARCH,
            "os": std::env::consts::OS,
            "cores": std::thread::available_parallelism().map_or(1, usize::from),
            "matvec_gflops": matvec,
        });
        super::print_line(&json!({ "machine": machine, "rows": rows }).to_string())?;
    } else {
        let mut table = Table::new();
        table.load_style(NOTHING).set_header(["what", "median", "p99", ""]);
        for row in &rows {
            table.add_row([
                row.name.clone(),
                format!("{:.1}", row.median),
                format!("{:.1}", row.p99),
                row.unit.to_owned(),
            ]);
        }
        for column in table.column_iter_mut().skip(1).take(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        super::print_line(&format!(
            "one thread; a 256 × 256 product with a vector: {matvec:.1} GFLOP/s\n\n{table}"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `each` until [`PATIENCE`] is over; its times in microseconds, sorted.
fn time(mut each: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Vec<f64>> {
    each()?; // Caches and lazy tables are not what is measured.
    let begin = Instant::now();
    let mut times = Vec::new();
    while times.len() < RUNS.0 || (begin.elapsed() < PATIENCE && times.len() < RUNS.1) {
        let start = Instant::now();
        each()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// The time below which a share of the sorted `times` lies (nearest rank).
fn quantile(times: &[f64], share: f64) -> f64 {
    times[((times.len() as f64 * share).ceil() as usize).clamp(1, times.len()) - 1]
}

fn microseconds(name: String, times: &[f64]) -> Row {
    Row {
        name,
        unit: "us",
        median: quantile(times, 0.5),
        p99: quantile(times, 0.99),
    }
}

/// A speed in times real time; its 99th percentile is that of the slowest runs.
fn real_time(name: String, seconds: f64, times: &[f64]) -> Row {
    Row {
        name,
        unit: "x real time",
        median: seconds * 1e6 / quantile(times, 0.5),
        p99: seconds * 1e6 / quantile(times, 0.99),
    }
}

/// 2 · 256 · 256 operations with weights that stay in the nearest caches.
fn matvec_gflops() -> f64 {
    const SIDE: usize = 256;
    let weights = vec![0.5f32; SIDE * SIDE];
    let x = vec![0.25f32; SIDE];
    let mut y = vec![0.0f32; SIDE];
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        for _ in 0..20 {
            add_product(
                (&mut y, View::row_major(1, SIDE)),
                (&x, View::row_major(1, SIDE)),
                (&weights, View::row_major(SIDE, SIDE)),
            );
        }
        times.push(start.elapsed().as_secs_f64() / 20.0);
        std::hint::black_box(&mut y).fill(0.0);
    }
    times.sort_by(f64::total_cmp);
    (2 * SIDE * SIDE) as f64 / quantile(&times, 0.5) / 1e9
}

fn steps(models: &ModelSet, rows: &mut Vec<Row>) -> anyhow::Result<()> {
    let spec = &models.front_end;
    let mut extractor = FeatureExtractor::new(spec, spec.rate)?;
    let sound = golden::sound(spec.rate.hz());
    let mut frames = Vec::new();
    while frames.len() < 1024 * spec.bands {
        frames.extend(extractor.push(&sound)?.normalized);
    }
    for model in &models.models {
        for block in BLOCKS {
            let mut stream = model.stream()?;
            // Past every context: a cache that is still filling is faster than it will be.
            let mut output = StreamOutput::default();
            stream.push(FrameBlock::new(&frames[..1024 * spec.bands], spec.bands), &mut output)?;
            let frames = &frames[..block * spec.bands];
            let times = time(|| {
                stream.push(FrameBlock::new(frames, spec.bands), &mut output)?;
                std::hint::black_box(&output);
                Ok(())
            })?;
            rows.push(microseconds(format!("step/{}/{block}", model.manifest().name), &times));
        }
    }
    Ok(())
}

fn features(models: &ModelSet, rows: &mut Vec<Row>) -> anyhow::Result<()> {
    let spec = &models.front_end;
    let sound = |rate: SampleRate| -> Vec<f32> {
        golden::sound(rate.hz())
            .iter()
            .cycle()
            .take(rate.0 as usize * 10)
            .copied()
            .collect()
    };
    let samples = sound(spec.rate);
    let mut extractor = FeatureExtractor::new(spec, spec.rate)?;
    let times = time(|| {
        std::hint::black_box(extractor.push(&samples)?);
        Ok(())
    })?;
    let name = format!("features/{}-{}-{}", spec.window_samples, spec.hop_samples, spec.bands);
    rows.push(real_time(name, 10.0, &times));
    let from = SampleRate(48_000);
    let samples = sound(from);
    let mut converter = RateConverter::new(from, spec.rate)?;
    let mut resampled = Vec::new();
    let times = time(|| {
        resampled.clear();
        converter.push(&samples, &mut resampled)?;
        std::hint::black_box(&resampled);
        Ok(())
    })?;
    rows.push(real_time(format!("resample/{}-{}", from.0, spec.rate.0), 10.0, &times));
    Ok(())
}

/// The bundled demo as it is and as a wav file.
fn write_demo([ogg, wav]: &[PathBuf; 2]) -> anyhow::Result<()> {
    std::fs::write(ogg, DEMO)?;
    let (info, samples) = decode_file(ogg)?;
    let bytes: Vec<u8> = samples
        .iter()
        .flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes())
        .collect();
    let (rate, length) = (info.rate.0, bytes.len() as u32);
    // RIFF, PCM, one channel, 16 bits (Microsoft & IBM 1991).
    let mut file = Vec::with_capacity(44 + bytes.len());
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(length.to_le_bytes());
    file.extend(bytes);
    Ok(std::fs::write(wav, file)?)
}

fn file(path: &Path, models: &ModelSet, rows: &mut Vec<Row>) -> anyhow::Result<()> {
    let (info, samples) =
        decode_file(path).map_err(|error| anyhow::anyhow!("{}\n  {}", error.message, error.remedy))?;
    let seconds = info.rate.duration(samples.len() as u64).0;
    let times = time(|| {
        std::hint::black_box(decode_file(path)?);
        Ok(())
    })?;
    let kind = path
        .extension()
        .map_or(info.decoder.clone(), |kind| kind.to_string_lossy().to_lowercase());
    rows.push(real_time(format!("decode/{kind}"), seconds, &times));
    let times = time(|| {
        std::hint::black_box(offline::analyze(
            path,
            models,
            &SmoothingConfig::default(),
            |_| {},
            |_| {},
        )?);
        Ok(())
    })?;
    rows.push(real_time(format!("analyze/{kind}"), seconds, &times));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let times = [1.0, 2.0, 3.0, 4.0];
        assert_eq!((quantile(&times, 0.5), quantile(&times, 0.99)), (2.0, 4.0));
    }
}
