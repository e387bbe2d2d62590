//! Search over rows of one byte a number: a quarter of the memory to read. The best of them are then scored exactly.

use std::ops::Range;

use super::best::{Best, Hit, NanRow};
use super::dot_rows::AlignedQuery;
use super::each_query::ScoreRows;
use super::parallel_search::search_in_parallel;
use super::rows::Rows;
use crate::isa::{Isa, multiversion};

/// Rows quantized to integers from -127 to 127, with one scale a row.
#[derive(Clone, Copy)]
pub struct Codes<'a> {
    codes: Rows<'a, i8>,
    scales: &'a [f32],
}

impl<'a> Codes<'a> {
    /// `None` unless there is one scale for each row.
    pub fn new(codes: Rows<'a, i8>, scales: &'a [f32]) -> Option<Self> {
        (codes.count() == scales.len()).then_some(Self { codes, scales })
    }
}

/// Writes the codes of a row and returns its scale, with which the largest absolute value becomes 127.
pub fn quantize(row: &[f32], codes: &mut [i8]) -> f32 {
    let largest = row.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let scale = largest / 127.0;
    let inverse = if scale > 0.0 { scale.recip() } else { 0.0 };
    for (code, value) in codes.iter_mut().zip(row) {
        *code = (value * inverse).round() as i8;
    }
    scale
}

/// How many rows are scored exactly: enough to contain the true best `k` (recall@10 is 0.999 or more).
fn shortlist_length(k: usize) -> usize {
    4 * k + 32
}

/// As [`super::cosine_top_k`] over `rows`, but scores only the rows with the highest similarity by their `codes`.
///
/// # Errors
/// `NanRow` of a scored row whose similarity is not a number.
///
/// # Panics
/// If the tables differ in `dim` or number of rows, or `mask` does not hold one byte a row.
pub fn cosine_top_k_int8<E: ScoreRows>(
    isa: Isa,
    queries: Rows,
    codes: Codes,
    rows: Rows<E>,
    k: usize,
    mask: Option<&[u8]>,
    threads: usize,
) -> Result<Vec<Vec<Hit>>, NanRow> {
    let (count, dim) = (rows.count(), rows.dim());
    assert!(queries.dim() == dim && codes.codes.dim() == dim && codes.codes.count() == count);
    assert!(mask.is_none_or(|mask| mask.len() == count), "one mask byte a row");
    let quantized: Vec<Vec<i8>> = (0..queries.count())
        .map(|query| {
            let mut codes = vec![0; dim];
            // The scale of a query does not change the order of its hits.
            quantize(queries.row(query), &mut codes);
            codes
        })
        .collect();
    // Multiplying bytes is a quarter of the work.
    let multiplications = count * dim / 4 * queries.count();
    let length = shortlist_length(k).min(count);
    let shortlists = search_in_parallel(count, threads, multiplications, length, |range| {
        Ok(search(isa, &quantized, codes, length, mask, range))
    })?;
    let rescore = |(query, hits)| rescore(isa, queries.row(query), rows, hits, k);
    shortlists.into_iter().enumerate().map(rescore).collect()
}

/// The best `k` of `hits` by the dot product of `query` and their rows.
fn rescore<E: ScoreRows>(
    isa: Isa,
    query: &[f32],
    rows: Rows<E>,
    mut hits: Vec<Hit>,
    k: usize,
) -> Result<Vec<Hit>, NanRow> {
    let ids: Vec<usize> = hits.iter().map(|hit| hit.row).collect();
    let mut similarities = vec![0.0; ids.len()];
    E::score_some(isa, &AlignedQuery::for_rows(query, rows), rows, &ids, &mut similarities);
    for (hit, similarity) in hits.iter_mut().zip(similarities) {
        if similarity.is_nan() {
            return Err(NanRow(hit.row));
        }
        hit.similarity = similarity;
    }
    hits.sort_unstable_by(Hit::order);
    hits.truncate(k);
    Ok(hits)
}

/// Rows that are scored for one query after another, few enough to stay in the cache.
const BLOCK: usize = 128;

multiversion! {
    fn search(queries: &[Vec<i8>], codes: Codes, k: usize, mask: Option<&[u8]>, range: Range<usize>) -> Vec<Best> =
        |q, codes, k, mask, range| search_body(q, codes, k, mask, range, dot),
        |q, codes, k, mask, range| search_body(q, codes, k, mask, range, dot),
        // SAFETY: compiled for AVX-512 with VNNI, and called only where both were detected.
        |q, codes, k, mask, range| search_body(q, codes, k, mask, range, |a, b| unsafe { dot_vnni(a, b) });
}

#[inline(always)]
fn search_body(
    queries: &[Vec<i8>],
    codes: Codes,
    k: usize,
    mask: Option<&[u8]>,
    range: Range<usize>,
    dot: impl Fn(&[i8], &[i8]) -> i32,
) -> Vec<Best> {
    let mut best: Vec<Best> = queries.iter().map(|_| Best::new(k)).collect();
    for start in range.clone().step_by(BLOCK) {
        for (query, best) in queries.iter().zip(&mut best) {
            let mut limit = best.threshold();
            for row in start..range.end.min(start + BLOCK) {
                if mask.is_some_and(|mask| mask[row] == 0) {
                    continue;
                }
                let similarity = dot(query, codes.codes.row(row)) as f32 * codes.scales[row];
                if similarity > limit {
                    best.insert(Hit { row, similarity });
                    limit = best.threshold();
                }
            }
        }
    }
    best
}

#[inline(always)]
fn dot(a: &[i8], b: &[i8]) -> i32 {
    let b = &b[..a.len()];
    let mut sum = 0;
    for i in 0..a.len() {
        sum += i32::from(i16::from(a[i]) * i16::from(b[i]));
    }
    sum
}

/// # Safety
/// The processor has AVX-512 with BW and VNNI.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn dot_vnni(query: &[i8], row: &[i8]) -> i32 {
    use std::arch::x86_64::*;
    let dim = query.len();
    assert_eq!(row.len(), dim);
    // SAFETY: reads end at `dim`, the length of both slices; the last load is masked.
    unsafe {
        // The instruction multiplies unsigned with signed bytes, so 128 is added to each byte of the row, and 128 times
        // the sum of the query is subtracted in the end.
        let flip = _mm512_set1_epi8(-128);
        let ones = _mm512_set1_epi8(1);
        let (mut sum, mut surplus) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        let mut start = 0;
        while start < dim {
            let mask = if dim - start >= 64 { u64::MAX } else { (1 << (dim - start)) - 1 };
            let q = _mm512_maskz_loadu_epi8(mask, query.as_ptr().add(start));
            let x = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, row.as_ptr().add(start)), flip);
            sum = _mm512_dpbusd_epi32(sum, x, q);
            surplus = _mm512_dpbusd_epi32(surplus, ones, q);
            start += 64;
        }
        _mm512_reduce_add_epi32(_mm512_sub_epi32(sum, _mm512_slli_epi32::<7>(surplus)))
    }
}
