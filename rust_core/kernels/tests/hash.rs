//! Hashes and Hamming searches equal their definitions on every instruction set.

mod common;

use common::{Random, each_isa};
use photofinish_kernels::Gray;
use photofinish_kernels::hash::{HashMatch, definition, hamming_search, perceptual_hash};

#[test]
fn perceptual_hash_equals_its_definition() {
    let mut random = Random(1);
    for (width, height) in [(1, 1), (8, 5), (31, 33), (32, 32), (64, 65), (150, 97)] {
        let data = random.bytes(width * height);
        let image = Gray::new(&data, width, height, width).expect("a valid image");
        let expected = definition::perceptual_hash(image);
        // By rounding, a frequency at the median may be on either side of it.
        each_isa(|isa| {
            let found = perceptual_hash(isa, image);
            assert!((found ^ expected).count_ones() <= if width == 1 { 64 } else { 2 }, "{width}×{height}");
        });
    }
}

#[test]
fn hamming_search_finds_every_match_in_order() {
    let mut random = Random(2);
    let mut hash = || u64::from(random.next()) << 33 ^ u64::from(random.next());
    for count in [0, 1, 15, 17, 255, 256, 257, 600] {
        let rows: Vec<u64> = (0..count).map(|_| hash()).collect();
        let queries: Vec<u64> = rows.iter().step_by(7).map(|row| row ^ 0b1011).chain([hash()]).collect();
        for max_distance in [0, 3, 25, 64] {
            let mut expected = Vec::new();
            for (query, a) in queries.iter().enumerate() {
                for (row, b) in rows.iter().enumerate() {
                    let distance = (a ^ b).count_ones();
                    if distance <= max_distance {
                        expected.push(HashMatch { query, row, distance });
                    }
                }
            }
            each_isa(|isa| assert_eq!(hamming_search(isa, &queries, &rows, max_distance), expected));
        }
    }
}
