//! Dot products: of one query with one row after another, or of many queries with several rows at a time.

use super::rows::Number;
use crate::simd::Vector;

/// `scores[i]` = dot product of `query` and the row at `row(i)`.
///
/// One row after another, not several at once: a table in memory then streams at 30 GB/s instead of 10, because the
/// processor prefetches one rising stream well, and one in the cache is no slower. Every row is summed in the same order,
/// so equal rows give equal results, wherever they lie.
///
/// # Safety
/// The processor has the instruction set of `V`; at `row(i)` as many numbers can be read as `query` has.
#[inline(always)]
pub unsafe fn one_query<E: Number, V: Vector, const CHAINS: usize>(
    query: &[f32],
    row: impl Fn(usize) -> *const E,
    scores: &mut [f32],
) {
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
unsafe fn four<E: Number, V: Vector, const CHAINS: usize>(query: &[f32], [a, b, c, d]: [*const E; 4]) -> [f32; 4] {
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
unsafe fn one_row<E: Number, V: Vector, const CHAINS: usize>(query: &[f32], row: *const E) -> V {
    let (dim, query) = (query.len(), query.as_ptr());
    // SAFETY: all reads end at or before `dim`, the length of both.
    unsafe {
        let mut sums = [V::splat(0.0); CHAINS];
        let mut start = 0;
        while start + CHAINS * V::LANES <= dim {
            for (chain, sum) in sums.iter_mut().enumerate() {
                let at = start + chain * V::LANES;
                *sum = E::load::<V>(row.add(at)).multiply_add(V::load(query.add(at)), *sum);
            }
            start += CHAINS * V::LANES;
        }
        while start + V::LANES <= dim {
            sums[0] = E::load::<V>(row.add(start)).multiply_add(V::load(query.add(start)), sums[0]);
            start += V::LANES;
        }
        if start < dim {
            let left = dim - start;
            sums[0] =
                E::load_part::<V>(row.add(start), left).multiply_add(V::load_part(query.add(start), left), sums[0]);
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
