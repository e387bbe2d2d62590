//! Search with many queries, which are interleaved in groups: limited by multiplications.

use std::ops::Range;

use super::best::{Best, Hit, NanRow};
use super::dot_tile::{Interleaved, MAX_WIDTH, any_above, dot_tile, to_array};
use super::number::Number;
use super::rows::Rows;
use crate::isa::multiversion;
use crate::simd::{self, Vector};

/// Rows that are scored for one group of queries after another, few enough to stay in the nearest cache.
const BLOCK: usize = 64;

multiversion! {
    /// The best `k` allowed rows of `range`, for each query.
    pub fn search_query_groups(
        queries: Rows, rows: Rows<impl Number>, k: usize, mask: Option<&[u8]>, range: Range<usize>
    ) -> Result<Vec<Best>, NanRow> = unsafe
        search_body::<_, simd::F32x4, 2, 4>, search_body::<_, simd::F32x8, 2, 6>, search_body::<_, simd::F32x16, 2, 8>;
}

/// Scores `ROWS` rows at a time for groups of `VECTORS` vectors `V` of queries.
///
/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn search_body<E: Number, V: Vector, const VECTORS: usize, const ROWS: usize>(
    queries: Rows,
    rows: Rows<E>,
    k: usize,
    mask: Option<&[u8]>,
    range: Range<usize>,
) -> Result<Vec<Best>, NanRow> {
    let mut best: Vec<Best> = (0..queries.count()).map(|_| Best::new(k)).collect();
    let width = VECTORS * V::LANES;
    let query_rows: Vec<&[f32]> = (0..queries.count()).map(|query| queries.row(query)).collect();
    let groups: Vec<Interleaved> = query_rows.chunks(width).map(|group| Interleaved::new(group, width)).collect();
    let mut scratch = vec![0f32; BLOCK * rows.dim()];
    let mut allowed = [0usize; BLOCK];
    for start in range.clone().step_by(BLOCK) {
        let allowed = allow(&mut allowed, start..range.end.min(start + BLOCK), mask);
        // A loop, because a closure given to `collect` would be compiled for the baseline.
        let mut block = [&[][..]; BLOCK];
        for ((&row, scratch), wide) in allowed.iter().zip(scratch.chunks_exact_mut(rows.dim())).zip(&mut block) {
            // SAFETY: the caller guarantees the instruction set.
            *wide = unsafe { E::widen::<V>(rows.row(row), scratch) };
        }
        let block = &block[..allowed.len()];
        for (group, best) in groups.iter().zip(best.chunks_mut(width)) {
            let mut limits = thresholds(best);
            for (ids, rows) in allowed.chunks(ROWS).zip(block.chunks(ROWS)) {
                // In the last tile, the first row replaces the missing ones.
                let rows = std::array::from_fn(|i| *rows.get(i).unwrap_or(&rows[0]));
                // SAFETY: the caller guarantees the instruction set.
                unsafe {
                    let sums = dot_tile::<V, VECTORS, ROWS>(group, rows);
                    for (&row, sums) in ids.iter().zip(&sums) {
                        if any_above(sums, &limits) {
                            insert_each(row, &to_array(sums), best)?;
                            limits = thresholds(best);
                        }
                    }
                }
            }
        }
    }
    Ok(best)
}

/// The allowed rows of `block`, in order.
#[inline(always)]
fn allow<'a>(ids: &'a mut [usize; BLOCK], block: Range<usize>, mask: Option<&[u8]>) -> &'a [usize] {
    let mut count = 0;
    for row in block {
        ids[count] = row;
        count += usize::from(mask.is_none_or(|mask| mask[row] != 0));
    }
    &ids[..count]
}

/// The thresholds of a group's queries; +∞ for missing queries, so that they never get a hit.
#[inline(always)]
fn thresholds(best: &[Best]) -> [f32; MAX_WIDTH] {
    std::array::from_fn(|query| best.get(query).map_or(f32::INFINITY, Best::threshold))
}

/// Inserts the similarity of `row` with each query of a group.
#[cold]
fn insert_each(row: usize, similarities: &[f32], best: &mut [Best]) -> Result<(), NanRow> {
    let mut hits = similarities.iter().zip(best);
    hits.try_for_each(|(&similarity, best)| best.insert_unless_nan(Hit { row, similarity }))
}
