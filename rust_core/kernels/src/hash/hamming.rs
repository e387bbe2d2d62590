use crate::isa::{Isa, multiversion};

/// Two hashes near each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Near {
    pub query: usize,
    pub row: usize,
    pub distance: u32,
}

/// Every pair of a query and a row that differ in at most `max_distance` bits, by query, then by row.
pub fn hamming_search(isa: Isa, queries: &[u64], rows: &[u64], max_distance: u32) -> Vec<Near> {
    let mut found = Vec::new();
    for (query, &hash) in queries.iter().enumerate() {
        for (block, rows) in rows.chunks(BLOCK).enumerate() {
            if any_near(isa, hash, rows, max_distance) {
                let near = |(i, row): (usize, &u64)| {
                    let distance = (hash ^ row).count_ones();
                    (distance <= max_distance).then_some(Near { query, row: block * BLOCK + i, distance })
                };
                found.extend(rows.iter().enumerate().filter_map(near));
            }
        }
    }
    found
}

/// Rows that are looked at together: nearly all blocks hold nothing near.
const BLOCK: usize = 256;

multiversion! {
    fn any_near(query: u64, rows: &[u64], max_distance: u32) -> bool = any_near_body;
}

#[inline(always)]
fn any_near_body(query: u64, rows: &[u64], max_distance: u32) -> bool {
    rows.iter().fold(false, |near, row| near | ((query ^ row).count_ones() <= max_distance))
}
