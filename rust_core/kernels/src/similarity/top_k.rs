use std::ops::Range;

use half::f16;

use super::best::{Best, Hit};
use super::dot::{self, Packed};
use super::parts::search_parts;
use super::rows::{Number, Rows};
use crate::isa::{Isa, multiversion};
use crate::simd::{self, Four, Vector};

/// This row of the searched table, or a query, holds something that is not a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NanRow(pub usize);

/// For each query the `k` allowed rows with the largest dot product (fewer when fewer are allowed), largest first, equal
/// ones by row: [`super::definition::cosine_top_k`] with sums in single precision. `mask` holds one byte a row, nonzero
/// where it is allowed. The same call gives the same answer whatever `threads` is; the last bits of a similarity may
/// differ between instruction sets and between one query and several.
///
/// # Errors
/// `NanRow` of an allowed row whose similarity is not a number.
///
/// # Panics
/// When queries and rows differ in `dim`, or `mask` is not as long as there are rows.
pub fn cosine_top_k<E: Number>(
    isa: Isa,
    queries: Rows,
    rows: Rows<E>,
    k: usize,
    mask: Option<&[u8]>,
    threads: usize,
) -> Result<Vec<Vec<Hit>>, NanRow> {
    assert_eq!(queries.dim(), rows.dim(), "queries and rows have one length");
    assert!(mask.is_none_or(|mask| mask.len() == rows.count()), "one mask value a row");
    let k = k.min(rows.count());
    let work = rows.count() * rows.dim() * queries.count();
    search_parts(rows.count(), threads, work, k, |part| E::search(isa, queries, rows, k, mask, part))
}

/// The best `k` of the rows `ids` for one query.
pub(super) fn score_rows<E: Number>(
    isa: Isa,
    query: &[f32],
    rows: Rows<E>,
    ids: &[usize],
    k: usize,
) -> Result<Vec<Hit>, NanRow> {
    let similarities = E::scores(isa, query, rows, ids);
    if let Some(nan) = similarities.iter().position(|similarity| similarity.is_nan()) {
        return Err(NanRow(ids[nan]));
    }
    let mut hits: Vec<Hit> = ids.iter().zip(similarities).map(|(&row, similarity)| Hit { row, similarity }).collect();
    hits.sort_unstable_by(Hit::order);
    hits.truncate(k);
    Ok(hits)
}

/// Rows whose numbers are gone through together, so that they stay in the nearest cache for every group of queries.
const BLOCK: usize = 64;
/// A table of this size is taken to lie in the cache, where several rows at once are faster.
const CACHED_BYTES: usize = 4 << 20;
/// As many.
const FEW_ROWS: usize = 4;
/// From here on queries are multiplied side by side.
const MANY: usize = 4;

multiversion! {
    pub(super) fn search_single(queries: Rows, rows: Rows<f32>, k: usize, mask: Option<&[u8]>, part: Range<usize>)
        -> Result<Vec<Best>, NanRow> =
        // SAFETY: the baseline is always there.
        |q, r, k, mask, part| unsafe { search_body::<f32, Four, 4, Four, 2, 4>(q, r, k, mask, part) },
        // SAFETY: compiled for AVX2, FMA and F16C, and called only where they were detected.
        |q, r, k, mask, part| unsafe { search_body::<f32, simd::Eight, 8, simd::Eight, 2, 6>(q, r, k, mask, part) },
        // SAFETY: the same with AVX-512.
        |q, r, k, mask, part| unsafe { search_body::<f32, simd::Eight, 8, simd::Sixteen, 2, 8>(q, r, k, mask, part) };
}

multiversion! {
    pub(super) fn scores_single(query: &[f32], rows: Rows<f32>, ids: &[usize]) -> Vec<f32> =
        // SAFETY: the baseline is always there.
        |query, rows, ids| unsafe { scores_body::<f32, Four, 4>(query, rows, ids) },
        // SAFETY: compiled for AVX2, FMA and F16C, and called only where they were detected.
        |query, rows, ids| unsafe { scores_body::<f32, simd::Eight, 8>(query, rows, ids) },
        // SAFETY: as above.
        |query, rows, ids| unsafe { scores_body::<f32, simd::Eight, 8>(query, rows, ids) };
}

multiversion! {
    pub(super) fn search_half(queries: Rows, rows: Rows<f16>, k: usize, mask: Option<&[u8]>, part: Range<usize>)
        -> Result<Vec<Best>, NanRow> =
        // SAFETY: the baseline is always there.
        |q, r, k, mask, part| unsafe { search_body::<f16, Four, 4, Four, 2, 4>(q, r, k, mask, part) },
        // SAFETY: compiled for AVX2, FMA and F16C, and called only where they were detected.
        |q, r, k, mask, part| unsafe { search_body::<f16, simd::Eight, 8, simd::Eight, 2, 6>(q, r, k, mask, part) },
        // SAFETY: the same with AVX-512.
        |q, r, k, mask, part| unsafe { search_body::<f16, simd::Eight, 8, simd::Sixteen, 2, 8>(q, r, k, mask, part) };
}

multiversion! {
    pub(super) fn scores_half(query: &[f32], rows: Rows<f16>, ids: &[usize]) -> Vec<f32> =
        // SAFETY: the baseline is always there.
        |query, rows, ids| unsafe { scores_body::<f16, Four, 4>(query, rows, ids) },
        // SAFETY: compiled for AVX2, FMA and F16C, and called only where they were detected.
        |query, rows, ids| unsafe { scores_body::<f16, simd::Eight, 8>(query, rows, ids) },
        // SAFETY: as above.
        |query, rows, ids| unsafe { scores_body::<f16, simd::Eight, 8>(query, rows, ids) };
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn scores_body<E: Number, V: Vector, const CHAINS: usize>(
    query: &[f32],
    rows: Rows<E>,
    ids: &[usize],
) -> Vec<f32> {
    // A loop, because the closure of a collected iterator would be compiled for the baseline.
    let mut similarities = vec![0.0; ids.len()];
    for (similarity, &row) in similarities.iter_mut().zip(ids) {
        // SAFETY: passed on.
        *similarity = unsafe { dot::one_query::<E, V, CHAINS>(query, rows.row(row)) };
    }
    similarities
}

/// For few queries `CHAINS` sums of `F` at a time, in the cache `FEW_ROWS` rows with vectors `M`; for many, `ROWS` rows
/// with `VECTORS` vectors `M` of queries. (Few are bound by memory, where 32-byte loads do best: wider ones cross a cache
/// line each unless the table is aligned to it.)
///
/// # Safety
/// The processor has the instruction sets of `F` and `M`.
#[inline(always)]
unsafe fn search_body<E: Number, F: Vector, const CHAINS: usize, M: Vector, const VECTORS: usize, const ROWS: usize>(
    queries: Rows,
    rows: Rows<E>,
    k: usize,
    mask: Option<&[u8]>,
    part: Range<usize>,
) -> Result<Vec<Best>, NanRow> {
    let mut best: Vec<Best> = (0..queries.count()).map(|_| Best::new(k)).collect();
    let width = VECTORS * M::LANES;
    let query_rows: Vec<&[f32]> = (0..queries.count()).map(|query| queries.row(query)).collect();
    let groups: Vec<Packed> = if queries.count() >= MANY {
        query_rows.chunks(width).map(|group| Packed::new(group, width)).collect()
    } else {
        Vec::new()
    };
    let in_cache = size_of_val(rows.values()) <= CACHED_BYTES;
    let mut scratch = vec![0f32; if groups.is_empty() { 0 } else { BLOCK * rows.dim() }];
    let mut allowed = [0usize; BLOCK];
    let mut start = part.start;
    while start < part.end {
        let end = part.end.min(start + BLOCK);
        let allowed = allow(&mut allowed, start..end, mask);
        if groups.is_empty() && in_cache {
            for (query, best) in query_rows.iter().zip(&mut best) {
                let mut limit = best.threshold();
                for ids in allowed.chunks(FEW_ROWS) {
                    // Where fewer are left, the first stands in for the missing ones.
                    let few = std::array::from_fn(|i| rows.row(*ids.get(i).unwrap_or(&ids[0])));
                    // SAFETY: the caller vouches for the instruction set.
                    let similarities = unsafe { dot::some_rows::<E, M, FEW_ROWS>(query, few) };
                    let out = similarities.map(|similarity| similarity <= limit);
                    if out != [true; FEW_ROWS] {
                        for (&row, similarity) in ids.iter().zip(similarities) {
                            let out = similarity <= limit;
                            if !out {
                                take(Hit { row, similarity }, best)?;
                                limit = best.threshold();
                            }
                        }
                    }
                }
            }
        } else if groups.is_empty() {
            for (query, best) in query_rows.iter().zip(&mut best) {
                let mut limit = best.threshold();
                for &row in allowed {
                    // SAFETY: the caller vouches for the instruction set.
                    let similarity = unsafe { dot::one_query::<E, F, CHAINS>(query, rows.row(row)) };
                    let out = similarity <= limit;
                    if !out {
                        take(Hit { row, similarity }, best)?;
                        limit = best.threshold();
                    }
                }
            }
        } else {
            // A loop, because the closure of a collected iterator would be compiled for the baseline.
            let mut block = [&[][..]; BLOCK];
            for ((&row, room), wide) in allowed.iter().zip(scratch.chunks_exact_mut(rows.dim())).zip(&mut block) {
                // SAFETY: the caller vouches for the instruction set.
                *wide = unsafe { E::widen::<M>(rows.row(row), room) };
            }
            let block = &block[..allowed.len()];
            for (packed, best) in groups.iter().zip(best.chunks_mut(width)) {
                let mut limits = thresholds(best);
                for (ids, rows) in allowed.chunks(ROWS).zip(block.chunks(ROWS)) {
                    // Where fewer are left, the first stands in for the missing ones.
                    let rows = std::array::from_fn(|i| *rows.get(i).unwrap_or(&rows[0]));
                    // SAFETY: the caller vouches for the instruction set; `limits` and `sums` hold `width` numbers.
                    unsafe {
                        let sums = dot::many_queries::<M, VECTORS, ROWS>(packed, rows);
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
        start = end;
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

/// A similarity that is not at or below the threshold: larger, or not a number.
#[cold]
fn take(hit: Hit, best: &mut Best) -> Result<(), NanRow> {
    if hit.similarity.is_nan() {
        return Err(NanRow(hit.row));
    }
    best.offer(hit);
    Ok(())
}

/// More than the queries of any group.
pub(super) const MAX_WIDTH: usize = 64;

/// Thresholds of a group, +∞ for missing queries, which therefore never hit.
#[inline(always)]
fn thresholds(best: &[Best]) -> [f32; MAX_WIDTH] {
    std::array::from_fn(|query| best.get(query).map_or(f32::INFINITY, Best::threshold))
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
pub(super) unsafe fn any_above<V: Vector, const VECTORS: usize>(
    sums: &[V; VECTORS],
    limits: &[f32; MAX_WIDTH],
) -> bool {
    const { assert!(VECTORS * V::LANES <= MAX_WIDTH) };
    // SAFETY: the assertion keeps the reads inside `limits`.
    (0..VECTORS).any(|v| unsafe { sums[v].any_above(V::load(limits.as_ptr().add(v * V::LANES))) })
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
pub(super) unsafe fn to_array<V: Vector, const VECTORS: usize>(sums: &[V; VECTORS]) -> [f32; MAX_WIDTH] {
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
