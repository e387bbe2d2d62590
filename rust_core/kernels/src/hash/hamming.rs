use crate::isa::{Isa, multiversion};

/// A query hash and a row hash within the maximal distance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HashMatch {
    pub query: usize,
    pub row: usize,
    pub distance: u32,
}

/// All pairs of a query and a row that differ in at most `max_distance` bits, ordered by query, then by row.
pub fn hamming_search(isa: Isa, queries: &[u64], rows: &[u64], max_distance: u32) -> Vec<HashMatch> {
    let mut found = Vec::new();
    for (query, &hash) in queries.iter().enumerate() {
        for (block, rows) in rows.chunks(BLOCK).enumerate() {
            if any_near(isa, hash, rows, max_distance) {
                let near = |(i, row): (usize, &u64)| {
                    let distance = (hash ^ row).count_ones();
                    (distance <= max_distance).then_some(HashMatch { query, row: block * BLOCK + i, distance })
                };
                found.extend(rows.iter().enumerate().filter_map(near));
            }
        }
    }
    found
}

/// Rows that are tested together: nearly all blocks contain no match.
const BLOCK: usize = 256;

multiversion! {
    fn any_near(query: u64, rows: &[u64], max_distance: u32) -> bool = any_near_body;
}

#[inline(always)]
fn any_near_body(query: u64, rows: &[u64], max_distance: u32) -> bool {
    rows.iter().fold(false, |near, row| near | ((query ^ row).count_ones() <= max_distance))
}
