//! The nearest neighbours of every row of a small table.

use std::ops::Range;

use crate::isa::{Isa, multiversion};
use crate::parallel;
use crate::simd::{self, Vector};
use crate::similarity::dot_rows::{AlignedQuery, dot_rows};
use crate::similarity::dot_tile::{Interleaved, dot_tile};
use crate::similarity::{Hit, Rows};

/// Two tables of the same `dim` as one: the rows of `first`, then those of `second`.
#[derive(Clone, Copy)]
pub struct Pool<'a> {
    pub first: Rows<'a>,
    pub second: Rows<'a>,
}

impl<'a> Pool<'a> {
    pub fn count(&self) -> usize {
        self.first.count() + self.second.count()
    }

    #[inline(always)]
    pub fn row(&self, row: usize) -> &'a [f32] {
        match row.checked_sub(self.first.count()) {
            None => self.first.row(row),
            Some(row) => self.second.row(row),
        }
    }
}

/// The nearest other rows of a row, in descending order of similarity, ties by row.
pub struct Neighbours {
    pub near: Vec<Hit>,
    /// The similarity of the row with itself: 1, up to rounding.
    pub own: f32,
}

impl Neighbours {
    /// The nearest `k`, and all as similar as the `k`-th.
    #[inline(always)]
    pub fn nearest(&self, k: usize) -> impl Iterator<Item = Hit> {
        let limit = self.limit(k);
        self.near.iter().copied().take_while(move |hit| hit.similarity >= limit)
    }

    /// The similarity of the `k`-th nearest, which a row must reach to be among the nearest `k`: ∞ for `k` = 0, -∞ if
    /// there are fewer than `k`.
    #[inline(always)]
    pub fn limit(&self, k: usize) -> f32 {
        match k.checked_sub(1) {
            None => f32::INFINITY,
            Some(last) => self.near.get(last).map_or(f32::NEG_INFINITY, |hit| hit.similarity),
        }
    }
}

/// The `k` nearest others of every row, and all as similar as the `k`-th. The similarity of two rows is the same in
/// both directions, and does not depend on their positions.
pub fn neighbours(isa: Isa, pool: Pool, k: usize, threads: usize) -> Vec<Neighbours> {
    let count = pool.count();
    let rows: Vec<&[f32]> = (0..count).map(|row| pool.row(row)).collect();
    let groups: Vec<Interleaved> = rows.chunks(width(isa)).map(|group| Interleaved::new(group, width(isa))).collect();
    let found = parallel::map_ranges(count, threads, |range| neighbours_of_range(isa, &rows, &groups, range, k));
    found.into_iter().flatten().collect()
}

multiversion! {
    /// The dot product of a query with each of some rows.
    pub fn similarities(query: &[f32], rows: &[&[f32]]) -> Vec<f32> = unsafe
        similarities_body::<simd::F32x4, 4>, similarities_body::<simd::F32x8, 4>, similarities_body::<simd::F32x8, 4>;
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn similarities_body<V: Vector, const CHAINS: usize>(query: &[f32], rows: &[&[f32]]) -> Vec<f32> {
    assert!(rows.iter().all(|row| row.len() == query.len()), "one dim");
    let mut similarities = vec![0.0; rows.len()];
    let row = |row: usize| rows[row].as_ptr();
    // SAFETY: the caller guarantees the instruction set, the assertion the length of the rows.
    unsafe { dot_rows::<f32, V, CHAINS>(&AlignedQuery::new(query), row, &mut similarities) };
    similarities
}

/// Rows that are compared with one group of the table after another, few enough to stay in the cache.
const BLOCK: usize = 32;

multiversion! {
    /// How many rows of the table are interleaved.
    fn width() -> usize = || 2 * simd::F32x4::LANES, || 2 * simd::F32x8::LANES, || 2 * simd::F32x16::LANES;
}

multiversion! {
    fn neighbours_of_range(rows: &[&[f32]], groups: &[Interleaved], range: Range<usize>, k: usize) -> Vec<Neighbours> =
        unsafe range_body::<simd::F32x4, 2, 4>, range_body::<simd::F32x8, 2, 4>, range_body::<simd::F32x16, 2, 8>;
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn range_body<V: Vector, const VECTORS: usize, const ROWS: usize>(
    rows: &[&[f32]],
    groups: &[Interleaved],
    range: Range<usize>,
    k: usize,
) -> Vec<Neighbours> {
    let stride = groups.len() * VECTORS * V::LANES;
    let mut similarities = vec![0f32; BLOCK * stride];
    let mut found = Vec::with_capacity(range.len());
    for start in range.clone().step_by(BLOCK) {
        let block = start..range.end.min(start + BLOCK);
        for (index, group) in groups.iter().enumerate() {
            for first in block.clone().step_by(ROWS) {
                let tile = std::array::from_fn(|i| rows[(first + i).min(block.end - 1)]);
                // SAFETY: the caller guarantees the instruction set.
                let sums = unsafe { dot_tile::<V, VECTORS, ROWS>(group, tile) };
                for (row, sums) in (first..block.end).zip(&sums) {
                    let line = &mut similarities[(row - start) * stride..][..stride];
                    let line = &mut line[index * VECTORS * V::LANES..][..VECTORS * V::LANES];
                    for (v, sum) in sums.iter().enumerate() {
                        // SAFETY: `line` holds as many numbers as a group is wide.
                        unsafe { sum.store(line.as_mut_ptr().add(v * V::LANES)) };
                    }
                }
            }
        }
        for (row, line) in block.zip(similarities.chunks_exact_mut(stride)) {
            let line = &mut line[..rows.len()];
            let own = std::mem::replace(&mut line[row], f32::NEG_INFINITY);
            found.push(Neighbours { near: nearest(line, row, k), own });
        }
    }
    found
}

/// Lanes in which `at_most_kth` keeps the largest number.
const LANES: usize = 64;

/// The `k` most similar rows and all as similar as the `k`-th, without the row `own`.
#[inline(always)]
fn nearest(similarities: &[f32], own: usize, k: usize) -> Vec<Hit> {
    let bound = at_most_kth(similarities, k);
    let mut near = Vec::with_capacity(2 * k.min(LANES));
    for (chunk, values) in similarities.chunks(16).enumerate() {
        if values.iter().fold(false, |any, &value| any | (value >= bound)) {
            for (i, &similarity) in values.iter().enumerate() {
                let row = 16 * chunk + i;
                if similarity >= bound && row != own {
                    near.push(Hit { row, similarity });
                }
            }
        }
    }
    near.sort_unstable_by(Hit::order);
    if let Some(last) = near.get(k.wrapping_sub(1)).map(|last| last.similarity) {
        near.truncate(near.partition_point(|hit| hit.similarity >= last));
    }
    near
}

/// A lower bound of the `k`-th largest number, close to it.
#[inline(always)]
fn at_most_kth(values: &[f32], k: usize) -> f32 {
    if k == 0 {
        return f32::INFINITY;
    }
    if k >= values.len() {
        return f32::NEG_INFINITY;
    }
    if k > LANES / 2 || values.len() < 2 * LANES {
        let mut values = values.to_vec();
        return *values.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a)).1;
    }
    // The maxima of the lanes are numbers at different positions, so the k-th largest of them is at most that of all.
    let mut largest = [f32::NEG_INFINITY; LANES];
    for values in values.as_chunks::<LANES>().0 {
        for lane in 0..LANES {
            largest[lane] = if values[lane] > largest[lane] { values[lane] } else { largest[lane] };
        }
    }
    *largest.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a)).1
}
