use std::ops::Range;

use super::best::{Best, Hit};
use super::dot::{self, Packed};
use crate::isa::{Isa, multiversion};
use crate::simd::{self, Four, Vector};

/// A table of row vectors, `dim` numbers each, one after another. `dim` is at least 1.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    values: &'a [f32],
    dim: usize,
}

impl<'a> Rows<'a> {
    /// `None` when `dim` is 0 or does not divide the length of `values`.
    pub fn new(values: &'a [f32], dim: usize) -> Option<Self> {
        (dim > 0 && values.len().is_multiple_of(dim)).then_some(Self { values, dim })
    }

    pub fn count(&self) -> usize {
        self.values.len() / self.dim
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    #[inline(always)]
    pub fn row(&self, row: usize) -> &'a [f32] {
        &self.values[row * self.dim..][..self.dim]
    }
}

/// This row of the searched table, or a query, holds something that is not a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NanRow(pub usize);

/// For each query the `k` allowed rows with the largest dot product (fewer when fewer are allowed), largest first, equal
/// ones by row (`mask`: one byte a row, nonzero where it is allowed): [`super::definition::cosine_top_k`] with sums in single precision. The same call gives the same answer
/// whatever `threads` is; the last bits of a similarity may differ between instruction sets and between one query and
/// several.
///
/// # Errors
/// `NanRow` of an allowed row whose similarity is not a number.
///
/// # Panics
/// When queries and rows differ in `dim`, or `mask` is not as long as there are rows.
pub fn cosine_top_k(
    isa: Isa,
    queries: Rows,
    rows: Rows,
    k: usize,
    mask: Option<&[u8]>,
    threads: usize,
) -> Result<Vec<Vec<Hit>>, NanRow> {
    assert_eq!(queries.dim, rows.dim, "queries and rows have one length");
    assert!(mask.is_none_or(|mask| mask.len() == rows.count()), "one mask value a row");
    let k = k.min(rows.count());
    let work = rows.values.len() * queries.count();
    let threads = threads.clamp(1, work / WORK_PER_THREAD + 1);
    if threads == 1 {
        return search(isa, queries, rows, k, mask, 0..rows.count())
            .map(|found| found.into_iter().map(Best::into_sorted).collect());
    }
    let share = rows.count().div_ceil(threads).next_multiple_of(BLOCK);
    let parts: Vec<Range<usize>> =
        (0..threads).map(|t| (t * share).min(rows.count())..((t + 1) * share).min(rows.count())).collect();
    let found: Vec<Result<Vec<Best>, NanRow>> = std::thread::scope(|scope| {
        let (mine, others) = parts.split_first().expect("at least one part");
        let others: Vec<_> =
            others.iter().map(|part| scope.spawn(|| search(isa, queries, rows, k, mask, part.clone()))).collect();
        let mine = search(isa, queries, rows, k, mask, mine.clone());
        let others = others.into_iter().map(|thread| thread.join().expect("a search does not panic"));
        std::iter::once(mine).chain(others).collect()
    });
    let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(merge(found, queries.count(), k))
}

/// A thread starts in some 30 µs; below this many multiplications (about 100 µs) it does not pay.
const WORK_PER_THREAD: usize = 1 << 21;

fn merge(parts: Vec<Vec<Best>>, queries: usize, k: usize) -> Vec<Vec<Hit>> {
    let mut merged = vec![Vec::new(); queries];
    for part in parts {
        for (all, best) in merged.iter_mut().zip(part) {
            all.extend(best.into_sorted());
        }
    }
    for hits in &mut merged {
        hits.sort_unstable_by(Hit::order);
        hits.truncate(k);
    }
    merged
}

/// Rows whose numbers are gone through together, so that they stay in the nearest cache for every group of queries.
const BLOCK: usize = 64;
/// From here on queries are multiplied side by side.
const MANY: usize = 4;

multiversion! {
    fn search(queries: Rows, rows: Rows, k: usize, mask: Option<&[u8]>, part: Range<usize>)
        -> Result<Vec<Best>, NanRow> =
        // SAFETY: the baseline is always there.
        |q, r, k, mask, part| unsafe { search_body::<Four, 4, Four, 2, 4>(q, r, k, mask, part) },
        // SAFETY: compiled for AVX2 and FMA, and called only where they were detected.
        |q, r, k, mask, part| unsafe { search_body::<simd::Eight, 8, simd::Eight, 2, 6>(q, r, k, mask, part) },
        // SAFETY: the same with AVX-512.
        |q, r, k, mask, part| unsafe { search_body::<simd::Eight, 8, simd::Sixteen, 2, 8>(q, r, k, mask, part) };
}

/// For few queries `CHAINS` sums of `F` at a time; for many, `ROWS` rows with `VECTORS` vectors `M` of queries. (Few are
/// bound by memory, where 32-byte loads do best: wider ones cross a cache line each unless the table is aligned to it.)
///
/// # Safety
/// The processor has the instruction sets of `F` and `M`.
#[inline(always)]
unsafe fn search_body<F: Vector, const CHAINS: usize, M: Vector, const VECTORS: usize, const ROWS: usize>(
    queries: Rows,
    rows: Rows,
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
    let mut allowed = [0usize; BLOCK];
    let mut start = part.start;
    while start < part.end {
        let end = part.end.min(start + BLOCK);
        let allowed = allow(&mut allowed, start..end, mask);
        if groups.is_empty() {
            for (query, best) in query_rows.iter().zip(&mut best) {
                let mut limit = best.threshold();
                for &row in allowed {
                    // SAFETY: the caller vouches for the instruction set.
                    let similarity = unsafe { dot::one_query::<F, CHAINS>(query, rows.row(row)) };
                    let out = similarity <= limit;
                    if !out {
                        take(Hit { row, similarity }, best)?;
                        limit = best.threshold();
                    }
                }
            }
        } else {
            for (packed, best) in groups.iter().zip(best.chunks_mut(width)) {
                let mut limits = thresholds(best);
                for ids in allowed.chunks(ROWS) {
                    let rows = pick::<ROWS>(rows, ids);
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

/// The rows `ids`; where fewer than `N` are left, the first stands in for the missing ones.
#[inline(always)]
fn pick<'a, const N: usize>(rows: Rows<'a>, ids: &[usize]) -> [&'a [f32]; N] {
    std::array::from_fn(|i| rows.row(*ids.get(i).unwrap_or(&ids[0])))
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
const MAX_WIDTH: usize = 64;

/// Thresholds of a group, +∞ for missing queries, which therefore never hit.
#[inline(always)]
fn thresholds(best: &[Best]) -> [f32; MAX_WIDTH] {
    std::array::from_fn(|query| best.get(query).map_or(f32::INFINITY, Best::threshold))
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn any_above<V: Vector, const VECTORS: usize>(sums: &[V; VECTORS], limits: &[f32; MAX_WIDTH]) -> bool {
    const { assert!(VECTORS * V::LANES <= MAX_WIDTH) };
    // SAFETY: the assertion keeps the reads inside `limits`.
    (0..VECTORS).any(|v| unsafe { sums[v].any_above(V::load(limits.as_ptr().add(v * V::LANES))) })
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn to_array<V: Vector, const VECTORS: usize>(sums: &[V; VECTORS]) -> [f32; MAX_WIDTH] {
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
