//! Encodes a row as its weighted k-reciprocal neighbours: R, R* and V of [`super::definition::k_reciprocal`].

use super::distinct_sets::DistinctSets;
use super::neighbours::{Neighbours, Pool, similarities};
use crate::isa::Isa;
use crate::parallel;
use crate::similarity::Hit;

/// The row numbers and values of the nonzero numbers of V(p).
pub type Encoding = Vec<(usize, f32)>;

/// V of every row.
pub fn encode(isa: Isa, pool: Pool, neighbours: &[Neighbours], k1: usize, threads: usize) -> Vec<Encoding> {
    let count = pool.count();
    let half = |row| reciprocal(neighbours, row, k1 / 2).map(|hit| hit.row).collect();
    let halves = DistinctSets::new((0..count).map(half));
    let encoded = parallel::map_ranges(count, threads, |range| {
        let mut scratch = Scratch {
            found_for: vec![usize::MAX; count],
            added_for: vec![usize::MAX; count],
            seen_for: vec![usize::MAX; halves.sets.len()],
            found: Vec::new(),
            added: Vec::new(),
        };
        range.map(|row| encode_row(isa, pool, neighbours, &halves, row, k1, &mut scratch)).collect::<Vec<_>>()
    });
    encoded.into_iter().flatten().collect()
}

/// R(row, k): `row`, and those of its neighbours that have it as a neighbour.
fn reciprocal(neighbours: &[Neighbours], row: usize, k: usize) -> impl Iterator<Item = Hit> {
    let itself = Hit { row, similarity: neighbours[row].own };
    let others = neighbours[row].nearest(k).filter(move |hit| hit.similarity >= neighbours[hit.row].limit(k));
    std::iter::once(itself).chain(others)
}

struct Scratch {
    /// R(row, k1).
    found: Vec<Hit>,
    /// The other rows of R*(row).
    added: Vec<usize>,
    /// For each row, the row for which it was last found, or added.
    found_for: Vec<usize>,
    added_for: Vec<usize>,
    /// For each distinct half, the row for which it was last considered.
    seen_for: Vec<usize>,
}

fn encode_row(
    isa: Isa,
    pool: Pool,
    neighbours: &[Neighbours],
    halves: &DistinctSets,
    row: usize,
    k1: usize,
    scratch: &mut Scratch,
) -> Encoding {
    let Scratch { found, added, found_for, added_for, seen_for } = scratch;
    found.clear();
    found.extend(reciprocal(neighbours, row, k1));
    found.iter().for_each(|hit| found_for[hit.row] = row);
    added.clear();
    for hit in found.iter() {
        let index = halves.index_of_row[hit.row];
        if std::mem::replace(&mut seen_for[index], row) == row {
            continue;
        }
        let half = &halves.sets[index];
        let common = half.iter().filter(|&&other| found_for[other] == row).count();
        if 3 * common > 2 * half.len() {
            for &other in half {
                if found_for[other] != row && added_for[other] != row {
                    added_for[other] = row;
                    added.push(other);
                }
            }
        }
    }
    let rows: Vec<&[f32]> = added.iter().map(|&other| pool.row(other)).collect();
    let similarities = similarities(isa, pool.row(row), &rows);
    let found = found.iter().map(|hit| (hit.row, hit.similarity));
    let mut encoding: Encoding = found.chain(added.iter().copied().zip(similarities)).collect();
    encoding.iter_mut().for_each(|(_, weight)| *weight = (*weight - 1.0).exp());
    let sum: f32 = encoding.iter().map(|(_, weight)| weight).sum();
    encoding.iter_mut().for_each(|(_, weight)| *weight /= sum);
    encoding
}
