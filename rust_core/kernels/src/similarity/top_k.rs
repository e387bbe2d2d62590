use std::ops::Range;

use super::best::{Best, Hit};
use super::dot;
use crate::isa::{Isa, multiversion};

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
        search_body::<16, 4, 8, 2, false>,
        search_body::<16, 4, 16, 4, true>,
        search_body::<16, 8, 32, 8, true>;
}

#[inline(always)]
fn search_body<const LANES: usize, const ROWS: usize, const QUERIES: usize, const MANY_ROWS: usize, const FMA: bool>(
    queries: Rows,
    rows: Rows,
    k: usize,
    mask: Option<&[u8]>,
    part: Range<usize>,
) -> Result<Vec<Best>, NanRow> {
    let mut best: Vec<Best> = (0..queries.count()).map(|_| Best::new(k)).collect();
    let groups: Vec<Vec<[f32; QUERIES]>> = if queries.count() >= MANY { pack::<QUERIES>(queries) } else { Vec::new() };
    let mut allowed = [0usize; BLOCK];
    let mut start = part.start;
    while start < part.end {
        let end = part.end.min(start + BLOCK);
        let allowed = allow(&mut allowed, start..end, mask);
        if groups.is_empty() {
            for (query, best) in best.iter_mut().enumerate() {
                let query = queries.row(query);
                for ids in allowed.chunks(ROWS) {
                    let sums = dot::one_query::<LANES, ROWS, FMA>(query, pick::<ROWS>(rows, ids));
                    take(ids, &sums, best)?;
                }
            }
        } else {
            for (packed, best) in groups.iter().zip(best.chunks_mut(QUERIES)) {
                let mut threshold = thresholds::<QUERIES>(best);
                for ids in allowed.chunks(MANY_ROWS) {
                    let sums = dot::many_queries::<QUERIES, MANY_ROWS, FMA>(packed, pick::<MANY_ROWS>(rows, ids));
                    for (&row, sums) in ids.iter().zip(&sums) {
                        if any_above(sums, &threshold) {
                            for (&sum, best) in sums.iter().zip(best.iter_mut()) {
                                take(&[row], &[sum], best)?;
                            }
                            threshold = thresholds::<QUERIES>(best);
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

#[inline(always)]
fn take(ids: &[usize], similarities: &[f32], best: &mut Best) -> Result<(), NanRow> {
    for (&row, &similarity) in ids.iter().zip(similarities) {
        let out = similarity <= best.threshold();
        if !out {
            if similarity.is_nan() {
                return Err(NanRow(row));
            }
            best.offer(Hit { row, similarity });
        }
    }
    Ok(())
}

/// True, too, for a sum that is not a number.
#[inline(always)]
fn any_above<const N: usize>(sums: &[f32; N], threshold: &[f32; N]) -> bool {
    let mut above = false;
    for lane in 0..N {
        let out = sums[lane] <= threshold[lane];
        above |= !out;
    }
    above
}

#[inline(always)]
fn thresholds<const N: usize>(best: &[Best]) -> [f32; N] {
    std::array::from_fn(|lane| best.get(lane).map_or(f32::INFINITY, Best::threshold))
}

/// Groups of `N` queries, number `d` of all of them side by side; the last group is filled up with zeros.
fn pack<const N: usize>(queries: Rows) -> Vec<Vec<[f32; N]>> {
    let group = |first: usize| {
        let query = |lane: usize| first + lane;
        let number = |d: usize, lane: usize| {
            if query(lane) < queries.count() { queries.row(query(lane))[d] } else { 0.0 }
        };
        (0..queries.dim()).map(|d| std::array::from_fn(|lane| number(d, lane))).collect()
    };
    (0..queries.count()).step_by(N).map(group).collect()
}
