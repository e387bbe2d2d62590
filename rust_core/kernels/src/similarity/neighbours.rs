//! The nearest rows of every row of a small table.

use std::ops::Range;

use super::dot::{self, Packed, Query};
use super::rows::Rows;
use crate::isa::{Isa, multiversion};
#[cfg(target_arch = "x86_64")]
use crate::simd;
use crate::simd::{Four, Vector};

/// Two tables of one `dim` as one: the rows of `first`, then those of `second`.
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

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Near {
    pub row: usize,
    pub similarity: f32,
}

/// A row's nearest others, most similar first, equal ones by row.
pub struct Neighbours {
    pub near: Vec<Near>,
    /// The similarity of the row with itself: 1, up to rounding.
    pub own: f32,
}

impl Neighbours {
    /// The nearest `k`, and those as similar as the `k`-th.
    #[inline(always)]
    pub fn nearest(&self, k: usize) -> impl Iterator<Item = Near> {
        let limit = self.limit(k);
        self.near.iter().copied().take_while(move |near| near.similarity >= limit)
    }

    /// The similarity of the `k`-th nearest: as much makes another a neighbour. None is one of the nearest 0, everyone one
    /// of more than there are.
    #[inline(always)]
    pub fn limit(&self, k: usize) -> f32 {
        match k.checked_sub(1) {
            None => f32::INFINITY,
            Some(last) => self.near.get(last).map_or(f32::NEG_INFINITY, |near| near.similarity),
        }
    }
}

/// The `k` nearest others of every row, and those as similar as the `k`-th. Two rows have the same similarity whichever
/// of them is asked, and wherever they lie.
pub fn neighbours(isa: Isa, pool: Pool, k: usize, threads: usize) -> Vec<Neighbours> {
    let count = pool.count();
    let rows: Vec<&[f32]> = (0..count).map(|row| pool.row(row)).collect();
    let packed: Vec<Packed> = rows.chunks(width(isa)).map(|group| Packed::new(group, width(isa))).collect();
    let share = count.div_ceil(threads).max(1);
    let parts: Vec<Range<usize>> = (0..count).step_by(share).map(|start| start..count.min(start + share)).collect();
    let found = crate::parallel::map(&parts, threads, |part| of_part(isa, &rows, &packed, part.clone(), k));
    found.into_iter().flatten().collect()
}

multiversion! {
    /// The dot product of a query with each of some rows.
    pub fn similarities(query: &[f32], rows: &[&[f32]]) -> Vec<f32> =
        // SAFETY: the baseline is always there.
        |query, rows| unsafe { similarities_body::<Four, 4>(query, rows) },
        // SAFETY: compiled for AVX2 and FMA, and called only where they were detected.
        |query, rows| unsafe { similarities_body::<simd::Eight, 4>(query, rows) },
        // SAFETY: as above.
        |query, rows| unsafe { similarities_body::<simd::Eight, 4>(query, rows) };
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn similarities_body<V: Vector, const CHAINS: usize>(query: &[f32], rows: &[&[f32]]) -> Vec<f32> {
    assert!(rows.iter().all(|row| row.len() == query.len()), "one length");
    let mut similarities = vec![0.0; rows.len()];
    let row = |row: usize| rows[row].as_ptr();
    // SAFETY: the caller vouches for the instruction set, the assertion for the rows.
    unsafe { dot::one_query::<f32, V, CHAINS>(&Query::new(query, 0), row, &mut similarities) };
    similarities
}

/// Rows that are compared with a group of the table before the next group.
const BLOCK: usize = 32;

multiversion! {
    fn width() -> usize = || 2 * Four::LANES, || 2 * simd::Eight::LANES, || 2 * simd::Sixteen::LANES;
}

multiversion! {
    fn of_part(rows: &[&[f32]], packed: &[Packed], part: Range<usize>, k: usize) -> Vec<Neighbours> =
        // SAFETY: the baseline is always there.
        |rows, packed, part, k| unsafe { of_part_body::<Four, 2, 4>(rows, packed, part, k) },
        // SAFETY: compiled for AVX2 and FMA, and called only where they were detected.
        |rows, packed, part, k| unsafe { of_part_body::<simd::Eight, 2, 4>(rows, packed, part, k) },
        // SAFETY: the same with AVX-512.
        |rows, packed, part, k| unsafe { of_part_body::<simd::Sixteen, 2, 8>(rows, packed, part, k) };
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn of_part_body<V: Vector, const VECTORS: usize, const ROWS: usize>(
    rows: &[&[f32]],
    packed: &[Packed],
    part: Range<usize>,
    k: usize,
) -> Vec<Neighbours> {
    let stride = packed.len() * VECTORS * V::LANES;
    let mut similarities = vec![0f32; BLOCK * stride];
    let mut found = Vec::with_capacity(part.len());
    for start in part.clone().step_by(BLOCK) {
        let block = start..part.end.min(start + BLOCK);
        for (group, packed) in packed.iter().enumerate() {
            for first in block.clone().step_by(ROWS) {
                let some = std::array::from_fn(|i| rows[(first + i).min(block.end - 1)]);
                // SAFETY: the caller vouches for the instruction set.
                let sums = unsafe { dot::many_queries::<V, VECTORS, ROWS>(packed, some) };
                for (row, sums) in (first..block.end).zip(&sums) {
                    let line = &mut similarities[(row - start) * stride..][..stride];
                    let line = &mut line[group * VECTORS * V::LANES..][..VECTORS * V::LANES];
                    for (v, sum) in sums.iter().enumerate() {
                        // SAFETY: `line` has room for the vectors of a group.
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

/// Numbers of which the largest is kept, side by side.
const LANES: usize = 64;

/// The `k` most similar and those as similar as the `k`-th, without `own`.
#[inline(always)]
fn nearest(similarities: &[f32], own: usize, k: usize) -> Vec<Near> {
    let bound = at_most_kth(similarities, k);
    let mut near = Vec::with_capacity(2 * k.min(LANES));
    for (chunk, values) in similarities.chunks(16).enumerate() {
        if values.iter().fold(false, |any, &value| any | (value >= bound)) {
            for (i, &similarity) in values.iter().enumerate() {
                let row = 16 * chunk + i;
                if similarity >= bound && row != own {
                    near.push(Near { row, similarity });
                }
            }
        }
    }
    near.sort_unstable_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.row.cmp(&b.row)));
    if let Some(last) = near.get(k.wrapping_sub(1)).map(|last| last.similarity) {
        near.truncate(near.partition_point(|near| near.similarity >= last));
    }
    near
}

/// A number that is not above the `k`-th largest, and close to it.
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
    // The largest of each lane are different numbers, so the k-th of them is at most the k-th of all.
    let mut largest = [f32::NEG_INFINITY; LANES];
    for values in values.as_chunks::<LANES>().0 {
        for lane in 0..LANES {
            largest[lane] = if values[lane] > largest[lane] { values[lane] } else { largest[lane] };
        }
    }
    *largest.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a)).1
}
