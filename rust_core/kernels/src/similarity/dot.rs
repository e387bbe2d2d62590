//! Dot products: of one query with one row after another, or of many queries with several rows at a time.

use super::rows::Number;
use crate::simd::Vector;

/// Numbers of a cache line, and no fewer than any vector has lanes.
pub const LINE: usize = 16;

/// A query that lies in its cache lines as the rows of a table lie in theirs, so that both can be read in whole lines:
/// one that crosses two takes twice as long, and NumPy starts tables anywhere.
pub struct Query {
    lines: Vec<Line>,
    dim: usize,
    /// Where in the first line the query begins. Around it are zeros.
    shift: usize,
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([f32; LINE]);

impl Query {
    /// For rows that all begin `shift` numbers after the start of a cache line; 0 is right for others too.
    pub fn new(query: &[f32], shift: usize) -> Self {
        assert!(shift < LINE, "in the first line");
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

/// `scores[i]` = dot product of `query` and the row at `row(i)`.
///
/// One row after another, not several at once: a table in memory then streams at 30 GB/s instead of 10, because the
/// processor prefetches one rising stream well, and one in the cache is no slower. Equal rows give equal results, wherever
/// they lie: lane and chain of a number depend on its place, but those whose places differ by a multiple of
/// `CHAINS * LANES` always meet in one sum, and sums are added in pairs half of all apart, then half of those, which is
/// the same order from wherever one counts.
///
/// # Safety
/// The processor has the instruction set of `V`; at `row(i)` as many numbers can be read as `query` has.
#[inline(always)]
pub unsafe fn one_query<E: Number, V: Vector, const CHAINS: usize>(
    query: &Query,
    row: impl Fn(usize) -> *const E,
    scores: &mut [f32],
) {
    assert!(query.shift == 0 || query.dim.is_multiple_of(CHAINS * V::LANES), "first and last line make one");
    let (groups, rest) = scores.as_chunks_mut::<4>();
    let whole = 4 * groups.len();
    for (group, scores) in groups.iter_mut().enumerate() {
        // SAFETY: passed on.
        *scores = unsafe { four::<E, V, CHAINS>(query, std::array::from_fn(|i| row(4 * group + i))) };
    }
    if let Some(last) = rest.len().checked_sub(1) {
        // The last stands in for the missing ones. SAFETY: passed on.
        let sums = unsafe { four::<E, V, CHAINS>(query, std::array::from_fn(|i| row(whole + i.min(last)))) };
        rest.copy_from_slice(&sums[..rest.len()]);
    }
}

/// # Safety
/// As for [`one_query`].
#[inline(always)]
unsafe fn four<E: Number, V: Vector, const CHAINS: usize>(query: &Query, [a, b, c, d]: [*const E; 4]) -> [f32; 4] {
    // SAFETY: passed on. (Not by `map`, whose closure would be compiled for the baseline.)
    unsafe {
        V::sum_four([
            one_row::<E, V, CHAINS>(query, a),
            one_row::<E, V, CHAINS>(query, b),
            one_row::<E, V, CHAINS>(query, c),
            one_row::<E, V, CHAINS>(query, d),
        ])
    }
}

/// A vector whose lanes add up to the dot product, made in `CHAINS` sums that do not wait for each other.
///
/// # Safety
/// As for [`one_query`].
#[inline(always)]
unsafe fn one_row<E: Number, V: Vector, const CHAINS: usize>(query: &Query, row: *const E) -> V {
    const { assert!(CHAINS.is_power_of_two() && LINE.is_multiple_of(V::LANES)) };
    let end = query.shift + query.dim;
    let numbers = query.lines.as_ptr().cast::<f32>();
    // Where the row's first line begins: perhaps before the table, so nothing is read before `shift`.
    let row = row.wrapping_sub(query.shift);
    let mut at = query.shift - query.shift % V::LANES;
    // SAFETY: the row's numbers from `shift` to `end` are read, and the query's whole lines up to `end`.
    unsafe {
        let mut sums = [V::splat(0.0); CHAINS];
        if E::CROSSES_LINES && at < query.shift {
            // The chain before the first, as if lines had begun one earlier.
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

/// Queries side by side, so that one number of a row meets all of them in one instruction.
pub struct Packed {
    /// Number `d` of the group's query `i` at `[d * width + i]`; missing queries are zero.
    values: Vec<f32>,
    width: usize,
}

impl Packed {
    /// `queries` are at most `width` slices of one length.
    pub fn new(queries: &[&[f32]], width: usize) -> Self {
        let dim = queries.first().map_or(0, |query| query.len());
        let mut values = vec![0.0; dim * width];
        for (i, query) in queries.iter().enumerate() {
            for (d, &value) in query.iter().enumerate() {
                values[d * width + i] = value;
            }
        }
        Self { values, width }
    }
}

/// Dot products of `ROWS` rows with `VECTORS * V::LANES` queries.
///
/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
pub unsafe fn many_queries<V: Vector, const VECTORS: usize, const ROWS: usize>(
    packed: &Packed,
    rows: [&[f32]; ROWS],
) -> [[V; VECTORS]; ROWS] {
    assert_eq!(packed.width, VECTORS * V::LANES);
    let dim = packed.values.len() / packed.width;
    assert!(rows.iter().all(|row| row.len() == dim));
    // SAFETY: `d` stays below `dim`, the length of every row; there are `dim` times `width` packed numbers.
    unsafe {
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        for d in 0..dim {
            let at = packed.values.as_ptr().add(d * packed.width);
            let q: [V; VECTORS] = std::array::from_fn(|v| V::load(at.add(v * V::LANES)));
            for r in 0..ROWS {
                let x = V::splat(*rows[r].as_ptr().add(d));
                for v in 0..VECTORS {
                    sums[r][v] = q[v].multiply_add(x, sums[r][v]);
                }
            }
        }
        sums
    }
}
