//! Search over rows of one byte a number: a fourth of the memory to go through, then the best are scored exactly.

use std::ops::Range;

use super::best::{Best, Hit};
use super::few::score_rows;
use super::parts::search_parts;
use super::rows::{Number, Rows};
use super::top_k::NanRow;
use crate::isa::{Isa, multiversion};

/// Rows as whole numbers from -127 to 127 times a scale of their own.
#[derive(Clone, Copy)]
pub struct Codes<'a> {
    codes: Rows<'a, i8>,
    scales: &'a [f32],
}

impl<'a> Codes<'a> {
    /// `None` unless there is one scale a row.
    pub fn new(codes: Rows<'a, i8>, scales: &'a [f32]) -> Option<Self> {
        (codes.count() == scales.len()).then_some(Self { codes, scales })
    }
}

/// Writes the row's codes and gives its scale: the largest size becomes 127.
pub fn quantize(row: &[f32], codes: &mut [i8]) -> f32 {
    let largest = row.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let scale = largest / 127.0;
    let times = if scale > 0.0 { scale.recip() } else { 0.0 };
    for (code, value) in codes.iter_mut().zip(row) {
        *code = (value * times).round() as i8;
    }
    scale
}

/// As many rows are scored exactly: enough that the true best `k` are among them (recall@10 of 0.999 and more).
fn candidates(k: usize) -> usize {
    4 * k + 32
}

/// As [`super::cosine_top_k`] over `rows`, but only the rows that look best by their `codes` are scored.
///
/// # Errors
/// `NanRow` of a scored row whose similarity is not a number.
///
/// # Panics
/// When the tables differ in `dim` or number of rows, or `mask` is not as long as there are rows.
pub fn cosine_top_k_int8<E: Number>(
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
    assert!(mask.is_none_or(|mask| mask.len() == count), "one mask value a row");
    let quantized: Vec<Vec<i8>> = (0..queries.count())
        .map(|query| {
            let mut codes = vec![0; dim];
            // A query's own scale changes no order.
            quantize(queries.row(query), &mut codes);
            codes
        })
        .collect();
    // A byte is a fourth of the work of a number.
    let work = count * dim / 4 * queries.count();
    let shortlist = candidates(k).min(count);
    let rough = search_parts(count, threads, work, shortlist, |part| {
        Ok(search(isa, &quantized, codes, shortlist, mask, part))
    })?;
    let exact = |(query, hits): (usize, Vec<Hit>)| {
        let ids: Vec<usize> = hits.iter().map(|hit| hit.row).collect();
        score_rows(isa, queries.row(query), rows, &ids, k)
    };
    rough.into_iter().enumerate().map(exact).collect()
}

/// Rows that are gone through for one query after another, near enough to stay in the cache.
const BLOCK: usize = 128;

multiversion! {
    fn search(queries: &[Vec<i8>], codes: Codes, k: usize, mask: Option<&[u8]>, part: Range<usize>) -> Vec<Best> =
        |q, codes, k, mask, part| search_body(q, codes, k, mask, part, dot),
        |q, codes, k, mask, part| search_body(q, codes, k, mask, part, dot),
        // SAFETY: compiled for AVX-512 with VNNI, and called only where they were detected.
        |q, codes, k, mask, part| search_body(q, codes, k, mask, part, |a, b| unsafe { dot_vnni(a, b) });
}

#[inline(always)]
fn search_body(
    queries: &[Vec<i8>],
    codes: Codes,
    k: usize,
    mask: Option<&[u8]>,
    part: Range<usize>,
    dot: impl Fn(&[i8], &[i8]) -> i32,
) -> Vec<Best> {
    let mut best: Vec<Best> = queries.iter().map(|_| Best::new(k)).collect();
    for start in part.clone().step_by(BLOCK) {
        for (query, best) in queries.iter().zip(&mut best) {
            let mut limit = best.threshold();
            for row in start..part.end.min(start + BLOCK) {
                if mask.is_some_and(|mask| mask[row] == 0) {
                    continue;
                }
                let similarity = dot(query, codes.codes.row(row)) as f32 * codes.scales[row];
                if similarity > limit {
                    best.offer(Hit { row, similarity });
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
    // SAFETY: reads end at `dim`, the length of both; the last one is masked.
    unsafe {
        // The instruction takes unsigned times signed: 128 more on the row's side is 128 times the query's sum more.
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
