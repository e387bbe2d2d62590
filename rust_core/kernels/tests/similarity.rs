//! Every instruction set ranks as the definition does, up to rounding.

mod common;

use common::{LENGTHS, Random, each_isa};
use photofinish_kernels::Isa;
use photofinish_kernels::similarity::{
    Codes, Hit, KReciprocal, NanRow, PartOutside, Rows, cluster, cosine_top_k, cosine_top_k_int8, definition, f16,
    hybrid_scores, k_reciprocal, quantize,
};

/// Similarities agree; rows may swap places only where they are within rounding of each other.
fn assert_same(found: &[Hit], expected: &[Hit], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found.similarity - expected.similarity).abs() < 1e-5, "{what}: {found:?} for {expected:?}");
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
fn equal_rows_come_in_row_order_wherever_they_lie() {
    let dim = 37;
    let mut random = Random(2);
    let mut rows = random.unit_rows(300, dim);
    let twin = random.unit_rows(1, dim);
    let places = [0, 5, 63, 64, 65, 127, 200, 299];
    for place in places {
        rows[place * dim..][..dim].copy_from_slice(&twin);
    }
    for queries in [1, 20] {
        let query_values = twin.repeat(queries);
        let queries = Rows::new(&query_values, dim).expect("whole rows");
        each_isa(|isa| {
            for k in 1..=places.len() {
                let found = cosine_top_k(isa, queries, Rows::new(&rows, dim).expect("whole rows"), k, None, 1);
                for hits in found.expect("no NaN") {
                    assert_eq!(hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), places[..k]);
                }
            }
        });
    }
}

/// Tables begin anywhere in a cache line, and what lies around them is nobody's.
#[test]
fn where_a_table_begins_changes_nothing() {
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
                    let mut room = vec![f32::NAN; shift + values.len() + 16];
                    let place = shift..shift + values.len();
                    room[place.clone()].copy_from_slice(&values);
                    let moved = Rows::new(&room[place], dim).expect("whole rows");
                    let found = cosine_top_k(isa, query, moved, count, mask, 1);
                    assert_eq!(found, expected, "dim {dim}, {shift} further on, {}", isa.name());
                }
            });
        }
    }
}

#[test]
fn threads_change_nothing() {
    let (dim, count) = (64, 70_000);
    let mut random = Random(3);
    let rows = random.unit_rows(count, dim);
    let queries = random.unit_rows(5, dim);
    let search = |threads| {
        let (queries, rows) = (Rows::new(&queries, dim).expect("rows"), Rows::new(&rows, dim).expect("rows"));
        cosine_top_k(Isa::best(), queries, rows, 10, None, threads).expect("no NaN")
    };
    let alone = search(1);
    for threads in [2, 3, 7] {
        assert_eq!(search(threads), alone);
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
fn half_precision_equals_the_definition_over_its_rounded_rows() {
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
fn int8_finds_what_exact_search_finds() {
    let mut random = Random(7);
    for dim in LENGTHS.into_iter().chain([128, 200]) {
        let rows = random.unit_rows(500, dim);
        let mut codes = vec![0i8; rows.len()];
        let scales: Vec<f32> =
            rows.chunks(dim).zip(codes.chunks_mut(dim)).map(|(row, codes)| quantize(row, codes)).collect();
        for (value, (code, scale)) in rows.iter().zip(codes.iter().zip(scales.iter().flat_map(|s| vec![s; dim]))) {
            assert!((value - f32::from(*code) * scale).abs() <= 0.501 * scale);
        }
        let codes = Codes::new(Rows::new(&codes, dim).expect("whole rows"), &scales).expect("a scale a row");
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

/// Rows of small whole numbers have exact products, so that ties are ties on every instruction set.
#[test]
fn clusters_are_the_definitions() {
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

/// Rows of small whole numbers have exact products, so that ties are ties on every instruction set; the others have none.
#[test]
fn k_reciprocal_equals_its_definition() {
    let mut random = Random(9);
    for dim in [1, 3, 8, 17, 33] {
        for count in [0, 1, 2, 15, 17, 33, 65, 150] {
            for queries in [0, 1, 4] {
                let whole: Vec<f32> =
                    (0..(queries + count) * dim).map(|_| random.below(3) as f32 / 4.0 - 0.25).collect();
                for rows in [random.unit_rows(queries + count, dim), whole] {
                    let (first, second) = rows.split_at(queries * dim);
                    for (k1, k2) in [(20, 6), (1, 1), (5, 40)] {
                        let expected = definition::k_reciprocal(first, second, dim, k1, k2, 0.3);
                        let settings = KReciprocal { k1, k2, lambda: 0.3 };
                        let (first, second) = (Rows::new(first, dim).unwrap(), Rows::new(second, dim).unwrap());
                        each_isa(|isa| {
                            let found = k_reciprocal(isa, first, second, settings, 1);
                            assert_eq!(found.len(), expected.len());
                            for (found, expected) in found.iter().zip(&expected) {
                                let what = format!("dim {dim}, {queries} and {count}, {settings:?}, {}", isa.name());
                                assert!((found - expected).abs() < 3e-6, "{what}: {found} for {expected}");
                            }
                            assert_eq!(k_reciprocal(isa, first, second, settings, 3), found);
                        });
                    }
                }
            }
        }
    }
}

#[test]
fn hybrid_scores_equal_their_definition() {
    let mut random = Random(10);
    for width in [1, 2, 3, 4, 5, 6, 7, 8, 17] {
        let weights: Vec<f32> = (0..width).map(|_| random.float().abs()).collect();
        for count in LENGTHS.into_iter().chain([0]) {
            let mut parts: Vec<f32> = (0..count * width).map(|_| random.float().abs()).collect();
            let expected = definition::hybrid_scores(&parts, &weights);
            each_isa(|isa| assert_eq!(hybrid_scores(isa, &parts, &weights).as_ref(), Ok(&expected)));
            for bad in [f32::NAN, -1e-6, 1.0001, f32::INFINITY] {
                if let Some(row) = count.checked_sub(1) {
                    parts[row * width] = bad;
                    each_isa(|isa| assert_eq!(hybrid_scores(isa, &parts, &weights), Err(PartOutside(row))));
                }
            }
        }
    }
}
