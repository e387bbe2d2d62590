//! Many queries, multiplied side by side: bound by multiplications.

use std::ops::Range;

use half::f16;

use super::best::{Best, Hit};
use super::dot::{self, Packed};
use super::rows::{Number, Rows};
use super::top_k::{NanRow, take};
use crate::isa::multiversion;
#[cfg(target_arch = "x86_64")]
use crate::simd;
use crate::simd::{Four, Vector};

/// Rows whose numbers are gone through together, so that they stay in the nearest cache for every group of queries.
const BLOCK: usize = 64;

multiversion! {
    pub fn search_single(queries: Rows, rows: Rows<f32>, k: usize, mask: Option<&[u8]>, part: Range<usize>)
        -> Result<Vec<Best>, NanRow> =
        // SAFETY: the baseline is always there.
        |q, r, k, mask, part| unsafe { search_body::<f32, Four, 2, 4>(q, r, k, mask, part) },
        // SAFETY: compiled for AVX2, FMA and F16C, and called only where they were detected.
        |q, r, k, mask, part| unsafe { search_body::<f32, simd::Eight, 2, 6>(q, r, k, mask, part) },
        // SAFETY: the same with AVX-512.
        |q, r, k, mask, part| unsafe { search_body::<f32, simd::Sixteen, 2, 8>(q, r, k, mask, part) };
}

multiversion! {
    pub fn search_half(queries: Rows, rows: Rows<f16>, k: usize, mask: Option<&[u8]>, part: Range<usize>)
        -> Result<Vec<Best>, NanRow> =
        // SAFETY: the baseline is always there.
        |q, r, k, mask, part| unsafe { search_body::<f16, Four, 2, 4>(q, r, k, mask, part) },
        // SAFETY: compiled for AVX2, FMA and F16C, and called only where they were detected.
        |q, r, k, mask, part| unsafe { search_body::<f16, simd::Eight, 2, 6>(q, r, k, mask, part) },
        // SAFETY: the same with AVX-512.
        |q, r, k, mask, part| unsafe { search_body::<f16, simd::Sixteen, 2, 8>(q, r, k, mask, part) };
}

/// `ROWS` rows at a time with `VECTORS` vectors `V` of queries.
///
/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn search_body<E: Number, V: Vector, const VECTORS: usize, const ROWS: usize>(
    queries: Rows,
    rows: Rows<E>,
    k: usize,
    mask: Option<&[u8]>,
    part: Range<usize>,
) -> Result<Vec<Best>, NanRow> {
    let mut best: Vec<Best> = (0..queries.count()).map(|_| Best::new(k)).collect();
    let width = VECTORS * V::LANES;
    let query_rows: Vec<&[f32]> = (0..queries.count()).map(|query| queries.row(query)).collect();
    let groups: Vec<Packed> = query_rows.chunks(width).map(|group| Packed::new(group, width)).collect();
    let mut scratch = vec![0f32; BLOCK * rows.dim()];
    let mut allowed = [0usize; BLOCK];
    for start in part.clone().step_by(BLOCK) {
        let allowed = allow(&mut allowed, start..part.end.min(start + BLOCK), mask);
        // A loop, because the closure of a collected iterator would be compiled for the baseline.
        let mut block = [&[][..]; BLOCK];
        for ((&row, room), wide) in allowed.iter().zip(scratch.chunks_exact_mut(rows.dim())).zip(&mut block) {
            // SAFETY: the caller vouches for the instruction set.
            *wide = unsafe { E::widen::<V>(rows.row(row), room) };
        }
        let block = &block[..allowed.len()];
        for (packed, best) in groups.iter().zip(best.chunks_mut(width)) {
            let mut limits = thresholds(best);
            for (ids, rows) in allowed.chunks(ROWS).zip(block.chunks(ROWS)) {
                // Where fewer are left, the first stands in for the missing ones.
                let rows = std::array::from_fn(|i| *rows.get(i).unwrap_or(&rows[0]));
                // SAFETY: the caller vouches for the instruction set; `limits` and `sums` hold `width` numbers.
                unsafe {
                    let sums = dot::many_queries::<V, VECTORS, ROWS>(packed, rows);
                    for (&row, sums) in ids.iter().zip(&sums) {
                        if any_above(sums, &limits) {
                            take_each(row, &to_array(sums), best)?;
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

/// More than the queries of any group.
pub const MAX_WIDTH: usize = 64;

/// Thresholds of a group, +∞ for missing queries, which therefore never hit.
#[inline(always)]
fn thresholds(best: &[Best]) -> [f32; MAX_WIDTH] {
    std::array::from_fn(|query| best.get(query).map_or(f32::INFINITY, Best::threshold))
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
pub unsafe fn any_above<V: Vector, const VECTORS: usize>(sums: &[V; VECTORS], limits: &[f32; MAX_WIDTH]) -> bool {
    const { assert!(VECTORS * V::LANES <= MAX_WIDTH) };
    // SAFETY: the assertion keeps the reads inside `limits`.
    (0..VECTORS).any(|v| unsafe { sums[v].any_above(V::load(limits.as_ptr().add(v * V::LANES))) })
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
pub unsafe fn to_array<V: Vector, const VECTORS: usize>(sums: &[V; VECTORS]) -> [f32; MAX_WIDTH] {
    const { assert!(VECTORS * V::LANES <= MAX_WIDTH) };
    let mut similarities = [0f32; MAX_WIDTH];
    for (v, sum) in sums.iter().enumerate() {
        // SAFETY: the assertion keeps the writes inside.
        unsafe { sum.store(similarities.as_mut_ptr().add(v * V::LANES)) };
    }
    similarities
}

/// Offers the similarity of `row` with each query of a group.
#[cold]
fn take_each(row: usize, similarities: &[f32], best: &mut [Best]) -> Result<(), NanRow> {
    similarities.iter().zip(best).try_for_each(|(&similarity, best)| take(Hit { row, similarity }, best))
}
