//! Dot products of one query with one row after another, for work that is limited by how fast a table can be read.

use super::number::Number;
use super::rows::Rows;
use crate::simd::Vector;

/// `f32` numbers in a cache line of 64 bytes.
const LINE: usize = 16;

/// A query stored at the same offset in its cache lines as the rows of a table in theirs, so that no load of either
/// crosses two lines, which takes twice as long. NumPy starts tables at any multiple of 16 bytes.
pub struct AlignedQuery {
    lines: Vec<Line>,
    dim: usize,
    /// The index in the first line at which the query starts. Zeros surround it.
    shift: usize,
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([f32; LINE]);

impl AlignedQuery {
    /// For rows anywhere in memory.
    pub fn new(query: &[f32]) -> Self {
        Self::shifted(query, 0)
    }

    /// For the rows of this table, which all start at the same offset in a cache line if `dim` is a multiple of two
    /// lines.
    pub fn for_rows<E: Number>(query: &[f32], rows: Rows<E>) -> Self {
        let shifts = E::CROSSES_LINES && rows.dim().is_multiple_of(2 * LINE);
        Self::shifted(query, if shifts { rows.values().as_ptr().addr() / size_of::<E>() % LINE } else { 0 })
    }

    fn shifted(query: &[f32], shift: usize) -> Self {
        let mut lines = vec![Line([0.0; LINE]); (shift + query.len()).div_ceil(LINE)];
        let (first, others) = query.split_at(query.len().min(LINE - shift));
        lines[0].0[shift..][..first.len()].copy_from_slice(first);
        for (line, numbers) in lines[1..].iter_mut().zip(others.chunks(LINE)) {
            line.0[..numbers.len()].copy_from_slice(numbers);
        }
        Self { lines, dim: query.len(), shift }
    }

    pub fn dim(&self) -> usize {
        self.dim
    }
}

/// Sets `scores[i]` to the dot product of `query` and the row at `row(i)`, in `CHAINS` independent sums of vectors `V`.
///
/// Rows are read one after another, not several at once: a table in memory then streams at 30 GB/s instead of 10,
/// because the processor prefetches a single ascending stream well, and a table in the cache is read no slower.
///
/// Equal rows give equal results, wherever they are in memory. The lane and chain of a number depend on its position,
/// but numbers whose positions differ by a multiple of `CHAINS * LANES` always share a sum; sums half of all apart are
/// added first, then a quarter, and so on, which is the same order from any starting point.
///
/// # Safety
/// The processor has the instruction set of `V`; as many numbers as `query` has can be read at `row(i)`.
#[inline(always)]
pub unsafe fn dot_rows<E: Number, V: Vector, const CHAINS: usize>(
    query: &AlignedQuery,
    row: impl Fn(usize) -> *const E,
    scores: &mut [f32],
) {
    assert!(
        query.shift == 0 || query.dim.is_multiple_of(CHAINS * V::LANES),
        "first and last line complement each other"
    );
    let (groups, rest) = scores.as_chunks_mut::<4>();
    let whole = 4 * groups.len();
    for (group, scores) in groups.iter_mut().enumerate() {
        // SAFETY: the caller's guarantee.
        *scores = unsafe { four::<E, V, CHAINS>(query, std::array::from_fn(|i| row(4 * group + i))) };
    }
    if let Some(last) = rest.len().checked_sub(1) {
        // The last row replaces the missing ones. SAFETY: the caller's guarantee.
        let sums = unsafe { four::<E, V, CHAINS>(query, std::array::from_fn(|i| row(whole + i.min(last)))) };
        rest.copy_from_slice(&sums[..rest.len()]);
    }
}

/// # Safety
/// As for [`dot_rows`].
#[inline(always)]
unsafe fn four<E: Number, V: Vector, const CHAINS: usize>(
    query: &AlignedQuery,
    [a, b, c, d]: [*const E; 4],
) -> [f32; 4] {
    // Without `map`, whose closure would be compiled for the baseline. SAFETY: the caller's guarantee.
    unsafe {
        V::sum_four([
            one_row::<E, V, CHAINS>(query, a),
            one_row::<E, V, CHAINS>(query, b),
            one_row::<E, V, CHAINS>(query, c),
            one_row::<E, V, CHAINS>(query, d),
        ])
    }
}

/// A vector whose lanes add up to the dot product.
///
/// # Safety
/// As for [`dot_rows`].
#[inline(always)]
unsafe fn one_row<E: Number, V: Vector, const CHAINS: usize>(query: &AlignedQuery, row: *const E) -> V {
    const { assert!(CHAINS.is_power_of_two() && LINE.is_multiple_of(V::LANES)) };
    let end = query.shift + query.dim;
    let numbers = query.lines.as_ptr().cast::<f32>();
    // The start of the row's first line. It may be before the table, so nothing is read before `shift`.
    let row = row.wrapping_sub(query.shift);
    let mut at = query.shift - query.shift % V::LANES;
    // SAFETY: reads the row's numbers from `shift` to `end`, and the query's whole lines up to `end`.
    unsafe {
        let mut sums = [V::splat(0.0); CHAINS];
        if E::CROSSES_LINES && at < query.shift {
            // Into the chain before the first, which is the last.
            let first = E::load_lanes::<V>(row.wrapping_add(at), query.shift - at..V::LANES);
            sums[CHAINS - 1] = first.multiply_add(V::load(numbers.add(at)), sums[CHAINS - 1]);
            at += V::LANES;
        }
        while at + CHAINS * V::LANES <= end {
            for (chain, sum) in sums.iter_mut().enumerate() {
                let at = at + chain * V::LANES;
                *sum = E::load::<V>(row.wrapping_add(at)).multiply_add(V::load(numbers.add(at)), *sum);
            }
            at += CHAINS * V::LANES;
        }
        if at < end {
            for sum in &mut sums[..CHAINS - 1] {
                if at + V::LANES <= end {
                    *sum = E::load::<V>(row.wrapping_add(at)).multiply_add(V::load(numbers.add(at)), *sum);
                    at += V::LANES;
                }
            }
            if at < end {
                let last = E::load_lanes::<V>(row.wrapping_add(at), 0..end - at);
                sums[CHAINS - 1] = last.multiply_add(V::load(numbers.add(at)), sums[CHAINS - 1]);
            }
        }
        let mut half = CHAINS / 2;
        while half > 0 {
            for chain in 0..half {
                sums[chain] = sums[chain].add(sums[chain + half]);
            }
            half /= 2;
        }
        sums[0]
    }
}
