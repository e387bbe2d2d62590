//! Search and clustering equal their definitions on every instruction set, up to rounding.

mod common;

use common::{LENGTHS, Random, each_isa};
use photofinish_kernels::Isa;
use photofinish_kernels::similarity::{
    Codes, Hit, NanRow, Rows, cluster, cosine_top_k, cosine_top_k_int8, definition, f16, quantize,
};

/// Similarities must agree; rows whose similarities differ only by rounding may swap ranks.
fn assert_same(found: &[Hit], expected: &[Hit], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found.similarity - expected.similarity).abs() < 1e-5, "{what}: {found:?}, expected {expected:?}");
    }
}

#[test]
fn top_k_equals_its_definition() {
    let mut random = Random(1);
    for dim in LENGTHS.into_iter().chain([128, 200]) {
        for count in [0, 1, 3, 15, 17, 63, 65, 130] {
            let rows = random.unit_rows(count, dim);
            let mask: Vec<u8> = (0..count).map(|_| (random.next() % 3) as u8).collect();
            for queries in [1, 2, 3, 4, 15, 17, 33, 65] {
                let query_values = random.unit_rows(queries, dim);
                let queries = Rows::new(&query_values, dim).expect("whole rows");
                let table = Rows::new(&rows, dim).expect("whole rows");
                for mask in [None, Some(&mask[..])] {
                    each_isa(|isa| {
                        let found = cosine_top_k(isa, queries, table, 7, mask, 1).expect("no NaN");
                        for (query, found) in found.iter().enumerate() {
                            let expected = definition::cosine_top_k(queries.row(query), &rows, dim, 7, mask);
                            assert_same(found, &expected, &format!("dim {dim}, {count} rows, {}", isa.name()));
                        }
                    });
                }
            }
        }
    }
}

#[test]
fn ties_are_ordered_by_row_at_any_position() {
    let dim = 37;
    let mut random = Random(2);
    let mut rows = random.unit_rows(300, dim);
    let twin = random.unit_rows(1, dim);
    let positions = [0, 5, 63, 64, 65, 127, 200, 299];
    for position in positions {
        rows[position * dim..][..dim].copy_from_slice(&twin);
    }
    for queries in [1, 20] {
        let query_values = twin.repeat(queries);
        let queries = Rows::new(&query_values, dim).expect("whole rows");
        each_isa(|isa| {
            for k in 1..=positions.len() {
                let found = cosine_top_k(isa, queries, Rows::new(&rows, dim).expect("whole rows"), k, None, 1);
                for hits in found.expect("no NaN") {
                    assert_eq!(hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), positions[..k]);
                }
            }
        });
    }
}

/// A table may start anywhere in a cache line. NaN around it shows reads outside the table.
#[test]
fn results_do_not_depend_on_the_alignment_of_a_table() {
    let (count, mut random) = (20, Random(11));
    for dim in LENGTHS.into_iter().chain([32, 96, 128, 200, 512]) {
        let values = random.unit_rows(count, dim);
        let query = random.unit_rows(1, dim);
        let query = Rows::new(&query, dim).expect("a row");
        let mask: Vec<u8> = (0..count).map(|row| (row % 3) as u8).collect();
        for mask in [None, Some(&mask[..])] {
            each_isa(|isa| {
                let table = Rows::new(&values, dim).expect("whole rows");
                let expected = cosine_top_k(isa, query, table, count, mask, 1);
                assert!(expected.is_ok());
                for shift in 0..16 {
                    let mut memory = vec![f32::NAN; shift + values.len() + 16];
                    let range = shift..shift + values.len();
                    memory[range.clone()].copy_from_slice(&values);
                    let moved = Rows::new(&memory[range], dim).expect("whole rows");
                    let found = cosine_top_k(isa, query, moved, count, mask, 1);
                    assert_eq!(found, expected, "dim {dim}, shifted by {shift}, {}", isa.name());
                }
            });
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let (dim, count) = (64, 70_000);
    let mut random = Random(3);
    let rows = random.unit_rows(count, dim);
    let queries = random.unit_rows(5, dim);
    let search = |threads| {
        let (queries, rows) = (Rows::new(&queries, dim).expect("rows"), Rows::new(&rows, dim).expect("rows"));
        cosine_top_k(Isa::best(), queries, rows, 10, None, threads).expect("no NaN")
    };
    let expected = search(1);
    for threads in [2, 3, 7] {
        assert_eq!(search(threads), expected);
    }
}

#[test]
fn a_nan_row_is_an_error_unless_masked() {
    let (dim, count) = (20, 70);
    let mut rows = Random(4).unit_rows(count, dim);
    rows[66 * dim + 19] = f32::NAN;
    for queries in [1, 9] {
        let query_values = Random(5).unit_rows(queries, dim);
        let queries = Rows::new(&query_values, dim).expect("whole rows");
        let table = Rows::new(&rows, dim).expect("whole rows");
        let mask: Vec<u8> = (0..count).map(|row| u8::from(row != 66)).collect();
        each_isa(|isa| {
            assert_eq!(cosine_top_k(isa, queries, table, 3, None, 1), Err(NanRow(66)));
            assert!(cosine_top_k(isa, queries, table, 3, Some(&mask), 1).is_ok());
        });
    }
}

#[test]
fn half_precision_equals_the_definition_on_the_rounded_rows() {
    let mut random = Random(6);
    for dim in LENGTHS.into_iter().chain([128, 200]) {
        let halves: Vec<f16> = random.unit_rows(70, dim).into_iter().map(f16::from_f32).collect();
        let rounded: Vec<f32> = halves.iter().map(|half| half.to_f32()).collect();
        let table = Rows::new(&halves, dim).expect("whole rows");
        for queries in [1, 3, 4, 33] {
            let query_values = random.unit_rows(queries, dim);
            let queries = Rows::new(&query_values, dim).expect("whole rows");
            each_isa(|isa| {
                let found = cosine_top_k(isa, queries, table, 7, None, 1).expect("no NaN");
                for (query, found) in found.iter().enumerate() {
                    let expected = definition::cosine_top_k(queries.row(query), &rounded, dim, 7, None);
                    assert_same(found, &expected, &format!("dim {dim} on {}", isa.name()));
                }
            });
        }
    }
}

#[test]
fn int8_search_equals_exact_search() {
    let mut random = Random(7);
    for dim in LENGTHS.into_iter().chain([128, 200]) {
        let rows = random.unit_rows(500, dim);
        let mut codes = vec![0i8; rows.len()];
        let scales: Vec<f32> =
            rows.chunks(dim).zip(codes.chunks_mut(dim)).map(|(row, codes)| quantize(row, codes)).collect();
        for (value, (code, scale)) in rows.iter().zip(codes.iter().zip(scales.iter().flat_map(|s| vec![s; dim]))) {
            assert!((value - f32::from(*code) * scale).abs() <= 0.501 * scale);
        }
        let codes = Codes::new(Rows::new(&codes, dim).expect("whole rows"), &scales).expect("one scale for each row");
        let table = Rows::new(&rows, dim).expect("whole rows");
        let mask: Vec<u8> = (0..500).map(|_| (random.next() % 2) as u8).collect();
        let query_values = random.unit_rows(5, dim);
        let queries = Rows::new(&query_values, dim).expect("whole rows");
        for mask in [None, Some(&mask[..])] {
            for threads in [1, 3] {
                each_isa(|isa| {
                    let found = cosine_top_k_int8(isa, queries, codes, table, 5, mask, threads).expect("no NaN");
                    let exact = cosine_top_k(isa, queries, table, 5, mask, 1).expect("no NaN");
                    for (found, exact) in found.iter().zip(&exact) {
                        assert_same(found, exact, &format!("dim {dim} on {}", isa.name()));
                    }
                });
            }
        }
    }
}

/// The products of small integers are exact, so ties are the same on every instruction set.
#[test]
fn clusters_equal_their_definition() {
    let mut random = Random(8);
    for dim in [1, 3, 8, 17, 33] {
        for count in [0, 1, 2, 15, 17, 33, 65, 100] {
            let rows: Vec<f32> = (0..count * dim).map(|_| random.below(3) as f32 - 1.0).collect();
            let table = Rows::new(&rows, dim).expect("whole rows");
            let mut cannot_link = Vec::new();
            for _ in 0..count / 4 {
                let (a, b) = (random.below(count), random.below(count));
                if a != b {
                    cannot_link.push((a, b));
                }
            }
            for threshold in [1.0, 3.0, 6.0] {
                let expected = definition::cluster(&rows, dim, threshold, &cannot_link);
                each_isa(|isa| {
                    assert_eq!(cluster(isa, table, threshold, &cannot_link), expected, "dim {dim}, {count}")
                });
            }
        }
    }
}
