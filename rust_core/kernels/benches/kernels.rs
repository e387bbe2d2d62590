//! Criterion benchmarks for work on one kernel: `cargo bench -- top_k`, with `--save-baseline` and `--baseline`.
//! Published numbers come from tests/bench/kernels, which compares the kernels with other libraries.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use photofinish_kernels::redaction::{Region, Shape, Style, redact};
use photofinish_kernels::reranking::{KReciprocal, hybrid_scores, k_reciprocal};
use photofinish_kernels::similarity::{Rows, cosine_top_k};
use photofinish_kernels::{Gray, Isa, hash, sharpness};

#[path = "../tests/common/mod.rs"]
mod common;

use common::Random;

fn sharpness_and_hash(criterion: &mut Criterion) {
    let bytes = Random(1).bytes(1024 * 768);
    let image = Gray::new(&bytes, 1024, 768, 1024).expect("a valid image");
    let mut group = criterion.benchmark_group("sharpness 1024×768");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    for &isa in Isa::supported() {
        let name = isa.name();
        group.bench_function(format!("laplacian_variance/{name}"), |bencher| {
            bencher.iter(|| sharpness::laplacian_variance(isa, black_box(image)));
        });
        group.bench_function(format!("reblur/{name}"), |bencher| {
            bencher.iter(|| sharpness::reblur_sharpness(isa, black_box(image)));
        });
        group.bench_function(format!("perceptual_hash/{name}"), |bencher| {
            bencher.iter(|| hash::perceptual_hash(isa, black_box(image)));
        });
    }
    group.finish();
}

fn redaction(criterion: &mut Criterion) {
    let mut bytes = Random(2).bytes(3 * 400 * 400);
    let region = Region { left: 0.0, top: 0.0, right: 400.0, bottom: 400.0, shape: Shape::Ellipse };
    let mut group = criterion.benchmark_group("redaction 400×400");
    for (name, style) in [("blur", Style::Blur { sigma: 40.0 }), ("pixelate", Style::Pixelate { block: 40 })] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| redact(Isa::best(), black_box(&mut bytes), 400, 400, &[region], style, 0.0));
        });
    }
    group.finish();
}

fn top_k(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cosine_top_k");
    for (count, dim) in [(1_000, 512), (10_000, 512), (100_000, 128)] {
        let values = Random(3).unit_rows(count, dim);
        let queries = Random(4).unit_rows(1, dim);
        let rows = Rows::new(&values, dim).expect("whole rows");
        let queries = Rows::new(&queries, dim).expect("whole rows");
        group.throughput(Throughput::Bytes(4 * values.len() as u64));
        for &isa in Isa::supported() {
            group.bench_function(format!("{count} × {dim}/{}", isa.name()), |bencher| {
                bencher.iter(|| cosine_top_k(isa, queries, black_box(rows), 10, None, 1));
            });
        }
    }
    group.finish();
}

fn reranking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reranking");
    let settings = KReciprocal { k1: 20, k2: 6, lambda: 0.3 };
    for (queries, candidates) in [(1, 100), (3, 500), (5, 2_000)] {
        let values = Random(5).unit_rows(queries + candidates, 128);
        let (first, second) = values.split_at(128 * queries);
        let first = Rows::new(first, 128).expect("whole rows");
        let second = Rows::new(second, 128).expect("whole rows");
        for &isa in Isa::supported() {
            group.bench_function(format!("k_reciprocal {queries}, {candidates} × 128/{}", isa.name()), |bencher| {
                bencher.iter(|| k_reciprocal(isa, black_box(first), second, settings, 1));
            });
        }
    }
    let mut random = Random(6);
    let components: Vec<f32> = (0..500_000).map(|_| random.float().abs()).collect();
    for &isa in Isa::supported() {
        group.bench_function(format!("hybrid_scores 100,000 × 5/{}", isa.name()), |bencher| {
            bencher.iter(|| hybrid_scores(isa, black_box(&components), &[0.2; 5]));
        });
    }
    group.finish();
}

criterion_group! {
    name = kernels;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = sharpness_and_hash, redaction, top_k, reranking
}
criterion_main!(kernels);
