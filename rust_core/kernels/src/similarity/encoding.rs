//! A row as the set of its k-reciprocal neighbours: R, R* and V of [`super::definition::k_reciprocal`].

use std::ops::Range;

use super::neighbours::{Near, Neighbours, Pool, similarities};
use super::sets::Sets;
use crate::isa::Isa;

/// The numbers of V(p) that are not zero.
pub type Encoding = Vec<(usize, f32)>;

/// V of every row.
pub fn encode(isa: Isa, pool: Pool, neighbours: &[Neighbours], k1: usize, threads: usize) -> Vec<Encoding> {
    let count = pool.count();
    let half = |row| reciprocal(neighbours, row, k1 / 2).map(|near| near.row).collect();
    let halves = Sets::new((0..count).map(half));
    let share = count.div_ceil(threads).max(1);
    let parts: Vec<Range<usize>> = (0..count).step_by(share).map(|start| start..count.min(start + share)).collect();
    let encode_part = |part: &Range<usize>| {
        let mut scratch = Scratch {
            found_for: vec![usize::MAX; count],
            added_for: vec![usize::MAX; count],
            seen_for: vec![usize::MAX; halves.distinct.len()],
            found: Vec::new(),
            added: Vec::new(),
        };
        part.clone().map(|row| encode_row(isa, pool, neighbours, &halves, row, k1, &mut scratch)).collect::<Vec<_>>()
    };
    crate::parallel::map(&parts, threads, encode_part).into_iter().flatten().collect()
}

/// R(row, k): `row`, and its neighbours whose neighbour it is.
fn reciprocal(neighbours: &[Neighbours], row: usize, k: usize) -> impl Iterator<Item = Near> {
    let itself = Near { row, similarity: neighbours[row].own };
    let others = neighbours[row].nearest(k).filter(move |near| near.similarity >= neighbours[near.row].limit(k));
    std::iter::once(itself).chain(others)
}

struct Scratch {
    /// R(row, k1).
    found: Vec<Near>,
    /// What R*(row) has more.
    added: Vec<usize>,
    /// The row for which another was last found, or added.
    found_for: Vec<usize>,
    added_for: Vec<usize>,
    /// The row for which a half was last looked at.
    seen_for: Vec<usize>,
}

fn encode_row(
    isa: Isa,
    pool: Pool,
    neighbours: &[Neighbours],
    halves: &Sets,
    row: usize,
    k1: usize,
    scratch: &mut Scratch,
) -> Encoding {
    let Scratch { found, added, found_for, added_for, seen_for } = scratch;
    found.clear();
    found.extend(reciprocal(neighbours, row, k1));
    found.iter().for_each(|near| found_for[near.row] = row);
    added.clear();
    for near in found.iter() {
        let number = halves.number_of[near.row];
        if std::mem::replace(&mut seen_for[number], row) == row {
            continue;
        }
        let half = &halves.distinct[number];
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
    let known = found.iter().map(|near| (near.row, near.similarity));
    let mut encoding: Encoding = known.chain(added.iter().copied().zip(similarities)).collect();
    encoding.iter_mut().for_each(|(_, number)| *number = (*number - 1.0).exp());
    let sum: f32 = encoding.iter().map(|(_, weight)| weight).sum();
    encoding.iter_mut().for_each(|(_, weight)| *weight /= sum);
    encoding
}
