//! Re-ranked distances and weighted scores equal their definitions on every instruction set.

mod common;

use common::{LENGTHS, Random, each_isa};
use photofinish_kernels::reranking::{ComponentOutOfRange, KReciprocal, definition, hybrid_scores, k_reciprocal};
use photofinish_kernels::similarity::Rows;

/// The products of small integers are exact, so ties are the same on every instruction set; random rows have no ties.
#[test]
fn k_reciprocal_equals_its_definition() {
    let mut random = Random(9);
    for dim in [1, 3, 8, 17, 33] {
        for count in [0, 1, 2, 15, 17, 33, 65, 150] {
            for queries in [0, 1, 4] {
                let integers: Vec<f32> =
                    (0..(queries + count) * dim).map(|_| random.below(3) as f32 / 4.0 - 0.25).collect();
                for rows in [random.unit_rows(queries + count, dim), integers] {
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
                                assert!((found - expected).abs() < 3e-6, "{what}: {found}, expected {expected}");
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
            let mut components: Vec<f32> = (0..count * width).map(|_| random.float().abs()).collect();
            let expected = definition::hybrid_scores(&components, &weights);
            each_isa(|isa| assert_eq!(hybrid_scores(isa, &components, &weights).as_ref(), Ok(&expected)));
            for bad in [f32::NAN, -1e-6, 1.0001, f32::INFINITY] {
                if let Some(row) = count.checked_sub(1) {
                    components[row * width] = bad;
                    each_isa(|isa| {
                        assert_eq!(hybrid_scores(isa, &components, &weights), Err(ComponentOutOfRange(row)))
                    });
                }
            }
        }
    }
}
