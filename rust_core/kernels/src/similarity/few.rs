//! One query, or a few one after another: bound by how fast a table can be read.

use std::ops::Range;

use half::f16;

use super::best::{Best, Hit};
use super::dot::{Query, one_query};
use super::rows::{Number, Rows};
use super::top_k::{NanRow, take};
use crate::isa::{Isa, multiversion};
#[cfg(target_arch = "x86_64")]
use crate::simd;
use crate::simd::{Four, Vector};

/// Rows that are scored before the next query, so that they stay in the nearest cache.
const BLOCK: usize = 256;
/// Similarities that are compared with the threshold at once.
const CHUNK: usize = 16;

pub fn search_few<E: Number>(
    isa: Isa,
    queries: Rows,
    rows: Rows<E>,
    k: usize,
    mask: Option<&[u8]>,
    part: Range<usize>,
) -> Result<Vec<Best>, NanRow> {
    let mut best: Vec<Best> = (0..queries.count()).map(|_| Best::new(k)).collect();
    let queries: Vec<Query> = (0..queries.count()).map(|query| Query::new(queries.row(query), rows.shift())).collect();
    let (mut ids, mut scores) = (Vec::with_capacity(BLOCK), [0f32; BLOCK]);
    for start in part.clone().step_by(BLOCK) {
        let block = start..part.end.min(start + BLOCK);
        let allowed = mask.filter(|mask| mask[block.clone()].contains(&0));
        ids.clear();
        ids.extend(allowed.iter().flat_map(|mask| block.clone().filter(|&row| mask[row] != 0)));
        for (query, best) in queries.iter().zip(&mut best) {
            if allowed.is_none() {
                let scores = &mut scores[..block.len()];
                E::score_block(isa, query, rows.block(block.clone()), scores);
                take_above(scores, |i| start + i, best)?;
            } else {
                let scores = &mut scores[..ids.len()];
                E::score_some(isa, query, rows, &ids, scores);
                take_above(scores, |i| ids[i], best)?;
            }
        }
    }
    Ok(best)
}

/// The best `k` of the rows `ids` for one query.
pub fn score_rows<E: Number>(
    isa: Isa,
    query: &[f32],
    rows: Rows<E>,
    ids: &[usize],
    k: usize,
) -> Result<Vec<Hit>, NanRow> {
    let mut similarities = vec![0.0; ids.len()];
    E::score_some(isa, &Query::new(query, rows.shift()), rows, ids, &mut similarities);
    if let Some(nan) = similarities.iter().position(|similarity| similarity.is_nan()) {
        return Err(NanRow(ids[nan]));
    }
    let mut hits: Vec<Hit> = ids.iter().zip(similarities).map(|(&row, similarity)| Hit { row, similarity }).collect();
    hits.sort_unstable_by(Hit::order);
    hits.truncate(k);
    Ok(hits)
}

/// Offers those rows whose similarity is not at or below the threshold: larger, or not a number.
fn take_above(similarities: &[f32], row: impl Fn(usize) -> usize, best: &mut Best) -> Result<(), NanRow> {
    let mut limit = best.threshold();
    for (chunk, similarities) in similarities.chunks(CHUNK).enumerate() {
        if similarities.iter().fold(true, |all, &similarity| all & (similarity <= limit)) {
            continue;
        }
        for (i, &similarity) in similarities.iter().enumerate() {
            let is_below = similarity <= limit;
            if !is_below {
                take(Hit { row: row(CHUNK * chunk + i), similarity }, best)?;
                limit = best.threshold();
            }
        }
    }
    Ok(())
}

// Functions of their own, small enough that everything stays in registers: inlined into the loop over blocks they are
// slower by half. Halves are read 16 bytes at a time with AVX-512 too: 32 cross a cache line each second time where NumPy
// begins tables.
multiversion! {
    pub fn block_single(query: &Query, rows: Rows<f32>, scores: &mut [f32]) =
        // SAFETY: the baseline is always there.
        |query, rows, scores| unsafe { block_body::<f32, Four, 4>(query, rows, scores) },
        // SAFETY: compiled for AVX2, FMA and F16C, and called only where they were detected.
        |query, rows, scores| unsafe { block_body::<f32, simd::Eight, 4>(query, rows, scores) },
        // SAFETY: the same with AVX-512.
        |query, rows, scores| unsafe { block_body::<f32, simd::Sixteen, 2>(query, rows, scores) };
}

multiversion! {
    pub fn block_half(query: &Query, rows: Rows<f16>, scores: &mut [f32]) =
        // SAFETY: the baseline is always there.
        |query, rows, scores| unsafe { block_body::<f16, Four, 4>(query, rows, scores) },
        // SAFETY: compiled for AVX2, FMA and F16C, and called only where they were detected.
        |query, rows, scores| unsafe { block_body::<f16, simd::Eight, 8>(query, rows, scores) },
        // SAFETY: as above.
        |query, rows, scores| unsafe { block_body::<f16, simd::Eight, 8>(query, rows, scores) };
}

multiversion! {
    pub fn some_single(query: &Query, rows: Rows<f32>, ids: &[usize], scores: &mut [f32]) =
        // SAFETY: the baseline is always there.
        |query, rows, ids, scores| unsafe { some_body::<f32, Four, 4>(query, rows, ids, scores) },
        // SAFETY: compiled for AVX2, FMA and F16C, and called only where they were detected.
        |query, rows, ids, scores| unsafe { some_body::<f32, simd::Eight, 4>(query, rows, ids, scores) },
        // SAFETY: the same with AVX-512.
        |query, rows, ids, scores| unsafe { some_body::<f32, simd::Sixteen, 2>(query, rows, ids, scores) };
}

multiversion! {
    pub fn some_half(query: &Query, rows: Rows<f16>, ids: &[usize], scores: &mut [f32]) =
        // SAFETY: the baseline is always there.
        |query, rows, ids, scores| unsafe { some_body::<f16, Four, 4>(query, rows, ids, scores) },
        // SAFETY: compiled for AVX2, FMA and F16C, and called only where they were detected.
        |query, rows, ids, scores| unsafe { some_body::<f16, simd::Eight, 8>(query, rows, ids, scores) },
        // SAFETY: as above.
        |query, rows, ids, scores| unsafe { some_body::<f16, simd::Eight, 8>(query, rows, ids, scores) };
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn block_body<E: Number, V: Vector, const CHAINS: usize>(query: &Query, rows: Rows<E>, scores: &mut [f32]) {
    assert!(rows.dim() == query.dim() && rows.count() == scores.len());
    // SAFETY: there are as many rows as scores.
    let row = |i: usize| unsafe { rows.values().as_ptr().add(i * query.dim()) };
    // SAFETY: the caller vouches for the instruction set; a row has as many numbers as the query.
    unsafe { one_query::<E, V, CHAINS>(query, row, scores) }
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn some_body<E: Number, V: Vector, const CHAINS: usize>(
    query: &Query,
    rows: Rows<E>,
    ids: &[usize],
    scores: &mut [f32],
) {
    assert!(rows.dim() == query.dim() && ids.len() == scores.len());
    let row = |i: usize| rows.row(ids[i]).as_ptr();
    // SAFETY: the caller vouches for the instruction set; a row has as many numbers as the query.
    unsafe { one_query::<E, V, CHAINS>(query, row, scores) }
}
