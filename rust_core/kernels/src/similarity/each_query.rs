//! Search with one query after another: limited by how fast the table can be read.

use std::ops::Range;

use half::f16;

use super::best::{Best, Hit, NanRow};
use super::dot_rows::{AlignedQuery, dot_rows};
use super::number::Number;
use super::rows::Rows;
use crate::isa::{Isa, multiversion};
use crate::simd::{self, Vector};

/// Rows that are scored for one query after another, few enough to stay in the nearest cache.
const BLOCK: usize = 256;
/// Similarities that are compared with the threshold at once.
const CHUNK: usize = 16;

/// The best `k` allowed rows of `range`, for each query.
pub fn search_each_query<E: ScoreRows>(
    isa: Isa,
    queries: Rows,
    rows: Rows<E>,
    k: usize,
    mask: Option<&[u8]>,
    range: Range<usize>,
) -> Result<Vec<Best>, NanRow> {
    let mut best: Vec<Best> = (0..queries.count()).map(|_| Best::new(k)).collect();
    let aligned = |query| AlignedQuery::for_rows(queries.row(query), rows);
    let queries: Vec<AlignedQuery> = (0..queries.count()).map(aligned).collect();
    let (mut ids, mut scores) = (Vec::with_capacity(BLOCK), [0f32; BLOCK]);
    for start in range.clone().step_by(BLOCK) {
        let block = start..range.end.min(start + BLOCK);
        let mask = mask.filter(|mask| mask[block.clone()].contains(&0));
        ids.clear();
        ids.extend(mask.iter().flat_map(|mask| block.clone().filter(|&row| mask[row] != 0)));
        for (query, best) in queries.iter().zip(&mut best) {
            if mask.is_none() {
                let scores = &mut scores[..block.len()];
                E::score_all(isa, query, rows.slice(block.clone()), scores);
                insert_above_threshold(scores, |i| start + i, best)?;
            } else {
                let scores = &mut scores[..ids.len()];
                E::score_some(isa, query, rows, &ids, scores);
                insert_above_threshold(scores, |i| ids[i], best)?;
            }
        }
    }
    Ok(best)
}

/// Inserts the rows whose similarity is not at or below the threshold: it is above, or NaN.
fn insert_above_threshold(similarities: &[f32], row: impl Fn(usize) -> usize, best: &mut Best) -> Result<(), NanRow> {
    let mut limit = best.threshold();
    for (chunk, similarities) in similarities.chunks(CHUNK).enumerate() {
        if similarities.iter().fold(true, |all, &similarity| all & (similarity <= limit)) {
            continue;
        }
        for (i, &similarity) in similarities.iter().enumerate() {
            let is_below = similarity <= limit;
            if !is_below {
                best.insert_unless_nan(Hit { row: row(CHUNK * chunk + i), similarity })?;
                limit = best.threshold();
            }
        }
    }
    Ok(())
}

/// A number type whose rows can be searched, with the vectors and the number of chains that score them fastest.
pub trait ScoreRows: Number {
    /// Sets `scores[i]` to the dot product of `query` and row `i`.
    fn score_all(isa: Isa, query: &AlignedQuery, rows: Rows<Self>, scores: &mut [f32]);

    /// Sets `scores[i]` to the dot product of `query` and row `ids[i]`.
    fn score_some(isa: Isa, query: &AlignedQuery, rows: Rows<Self>, ids: &[usize], scores: &mut [f32]);
}

// These are separate functions, small enough to keep everything in registers. Inlined into the loop over blocks, they
// would take half as long again.
impl ScoreRows for f32 {
    multiversion! {
        fn score_all(query: &AlignedQuery, rows: Rows<f32>, scores: &mut [f32]) = unsafe
            all_body::<f32, simd::F32x4, 4>, all_body::<f32, simd::F32x8, 4>, all_body::<f32, simd::F32x16, 2>;
    }
    multiversion! {
        fn score_some(query: &AlignedQuery, rows: Rows<f32>, ids: &[usize], scores: &mut [f32]) = unsafe
            some_body::<f32, simd::F32x4, 4>, some_body::<f32, simd::F32x8, 4>, some_body::<f32, simd::F32x16, 2>;
    }
}

/// Loads are 16 bytes with AVX-512 too: every second load of 32 bytes would cross a cache line in NumPy's tables.
impl ScoreRows for f16 {
    multiversion! {
        fn score_all(query: &AlignedQuery, rows: Rows<f16>, scores: &mut [f32]) = unsafe
            all_body::<f16, simd::F32x4, 4>, all_body::<f16, simd::F32x8, 8>, all_body::<f16, simd::F32x8, 8>;
    }
    multiversion! {
        fn score_some(query: &AlignedQuery, rows: Rows<f16>, ids: &[usize], scores: &mut [f32]) = unsafe
            some_body::<f16, simd::F32x4, 4>, some_body::<f16, simd::F32x8, 8>, some_body::<f16, simd::F32x8, 8>;
    }
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn all_body<E: Number, V: Vector, const CHAINS: usize>(query: &AlignedQuery, rows: Rows<E>, scores: &mut [f32]) {
    assert!(rows.dim() == query.dim() && rows.count() == scores.len());
    // SAFETY: there are as many rows as scores.
    let row = |i: usize| unsafe { rows.values().as_ptr().add(i * query.dim()) };
    // SAFETY: the caller guarantees the instruction set; a row has as many numbers as the query.
    unsafe { dot_rows::<E, V, CHAINS>(query, row, scores) }
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn some_body<E: Number, V: Vector, const CHAINS: usize>(
    query: &AlignedQuery,
    rows: Rows<E>,
    ids: &[usize],
    scores: &mut [f32],
) {
    assert!(rows.dim() == query.dim() && ids.len() == scores.len());
    let row = |i: usize| rows.row(ids[i]).as_ptr();
    // SAFETY: the caller guarantees the instruction set; a row has as many numbers as the query.
    unsafe { dot_rows::<E, V, CHAINS>(query, row, scores) }
}
