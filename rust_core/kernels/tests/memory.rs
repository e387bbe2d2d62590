//! Runs every path with unsafe code, on tables and images small enough for Miri, which detects reads and writes outside
//! allocated memory (`make sanitize-kernels`). The other tests check the results on more sizes.

mod common;

use common::{Random, each_isa};
use photofinish_kernels::Color;
use photofinish_kernels::pixels::{Normalize, SimilarityTransform, align, definition as pixels};
use photofinish_kernels::redaction::{Region, Shape, Style, definition as redaction, redact};
use photofinish_kernels::reranking::{KReciprocal, definition as reranking, k_reciprocal};
use photofinish_kernels::similarity::{
    Codes, Hit, Rows, ScoreRows, cluster, cosine_top_k, cosine_top_k_int8, definition, f16, quantize,
};

/// Below, at and above the lanes of a vector; queries are shifted only for whole cache lines, as 32 is.
const DIMS: [usize; 4] = [1, 9, 32, 47];
const COUNT: usize = 11;

fn assert_near(found: &[Vec<Hit>], queries: Rows, rows: &[f32], k: usize, mask: Option<&[u8]>) {
    for (query, found) in found.iter().enumerate() {
        let expected = definition::cosine_top_k(queries.row(query), rows, queries.dim(), k, mask);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found.similarity - expected.similarity).abs() < 1e-5, "{found:?}, expected {expected:?}");
        }
    }
}

/// `values` are the numbers of `rows` in single precision.
fn check_top_k<E: ScoreRows>(rows: &[E], values: &[f32], dim: usize, random: &mut Random) {
    let table = Rows::new(rows, dim).expect("whole rows");
    let mask: Vec<u8> = (0..COUNT).map(|row| (row % 3) as u8).collect();
    for queries in [1, 5] {
        let queries = random.unit_rows(queries, dim);
        let queries = Rows::new(&queries, dim).expect("whole rows");
        for mask in [None, Some(&mask[..])] {
            each_isa(|isa| {
                let found = cosine_top_k(isa, queries, table, 3, mask, 1).expect("no NaN");
                assert_near(&found, queries, values, 3, mask);
            });
        }
    }
}

#[test]
fn top_k_reads_only_its_table() {
    let mut random = Random(1);
    for dim in DIMS {
        let values = random.unit_rows(COUNT, dim);
        // The copies start at different offsets in a cache line.
        for _ in 0..3 {
            check_top_k(&values.clone(), &values, dim, &mut random);
        }
    }
}

#[test]
fn top_k_reads_only_its_table_of_halves() {
    let mut random = Random(5);
    for dim in DIMS {
        let values = random.unit_rows(COUNT, dim);
        let halves: Vec<f16> = values.iter().map(|&value| f16::from_f32(value)).collect();
        let rounded: Vec<f32> = halves.iter().map(|half| half.to_f32()).collect();
        check_top_k(&halves, &rounded, dim, &mut random);
    }
}

#[test]
fn int8_search_reads_only_its_codes_and_its_table() {
    let mut random = Random(2);
    for dim in DIMS {
        let (values, query) = (random.unit_rows(COUNT, dim), random.unit_rows(1, dim));
        let mut codes = vec![0i8; values.len()];
        let scales: Vec<f32> =
            values.chunks(dim).zip(codes.chunks_mut(dim)).map(|(row, codes)| quantize(row, codes)).collect();
        let codes = Codes::new(Rows::new(&codes, dim).expect("whole rows"), &scales).expect("one scale for each row");
        let (query, table) = (Rows::new(&query, dim).expect("a row"), Rows::new(&values, dim).expect("whole rows"));
        each_isa(|isa| {
            let found = cosine_top_k_int8(isa, query, codes, table, 3, None, 1).expect("no NaN");
            assert_near(&found, query, &values, 3, None);
        });
    }
}

#[test]
fn clustering_and_reranking_read_only_their_tables() {
    let mut random = Random(3);
    for dim in DIMS {
        let (queries, values) = (random.unit_rows(2, dim), random.unit_rows(COUNT, dim));
        let (first, table) =
            (Rows::new(&queries, dim).expect("whole rows"), Rows::new(&values, dim).expect("whole rows"));
        let labels = definition::cluster(&values, dim, 0.25, &[(0, 1)]);
        let distances = reranking::k_reciprocal(&queries, &values, dim, 4, 2, 0.3);
        each_isa(|isa| {
            assert_eq!(cluster(isa, table, 0.25, &[(0, 1)]), labels);
            let found = k_reciprocal(isa, first, table, KReciprocal { k1: 4, k2: 2, lambda: 0.3 }, 2);
            assert!(found.iter().zip(&distances).all(|(found, expected)| (found - expected).abs() < 3e-6));
        });
    }
}

#[test]
fn image_kernels_read_and_write_only_their_images() {
    let (width, height) = (19, 13);
    let image = Random(4).bytes(3 * width * height);
    let floats: Vec<[f32; 4]> = image.as_chunks::<3>().0.iter().map(|&[a, b, c]| [a, b, c, 0].map(f32::from)).collect();
    let blurred = redaction::blur(&floats, width, height, 2.5);
    let region = Region { left: 0.0, top: 0.0, right: width as f32, bottom: height as f32, shape: Shape::Rectangle };
    each_isa(|isa| {
        let mut found = image.clone();
        redact(isa, &mut found, width, height, &[region], Style::Blur { sigma: 2.5 }, 0.0);
        for (found, expected) in found.as_chunks::<3>().0.iter().zip(&blurred) {
            assert!((0..3).all(|channel| (f32::from(found[channel]) - expected[channel]).abs() < 0.51));
        }
    });
    let image_view = Color::new(&image, width, height, 3 * width).expect("a valid image");
    let template = [[2.0, 3.0], [7.0, 3.0], [4.5, 5.0], [2.5, 7.5], [6.5, 7.5]];
    // Rotated by 90°, twice as large and partly outside the image.
    let landmarks = template.map(|[x, y]: [f64; 2]| [2.0 * y - 4.0, 14.0 - 2.0 * x]);
    let transform = SimilarityTransform::fit(&landmarks, &template).expect("points apart");
    let plain = Normalize { order: [0, 1, 2], mean: [0.0; 3], scale: [1.0; 3] };
    let expected = pixels::align(image_view, &transform, 9, &plain);
    each_isa(|isa| {
        let mut chip = vec![f32::NAN; 3 * 9 * 9];
        align(isa, image_view, &transform, 9, &plain, false, &mut chip);
        assert!(chip.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < 0.03));
    });
}
