//! Dot products: of one query with one row after another, or of many queries with several rows at a time.

use super::rows::Number;
use crate::simd::Vector;

/// Dot product of a query and a row of its length, in `CHAINS` sums that do not wait for each other.
///
/// For tables in memory one row after another, not several at once: it then streams at 30 GB/s instead of 10, because
/// the processor prefetches one rising stream well.
///
/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
pub unsafe fn one_query<E: Number, V: Vector, const CHAINS: usize>(query: &[f32], row: &[E]) -> f32 {
    let dim = query.len();
    assert_eq!(row.len(), dim);
    let (query, row) = (query.as_ptr(), row.as_ptr());
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
        sums[0].sum()
    }
}

/// Dot products of a query and `ROWS` rows at once, which share the reading of the query. Rows that do not start at a
/// cache line cost this a few per cent, [`one_query`] a third.
///
/// Every row is summed in the same order, so equal rows give equal results.
///
/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
pub unsafe fn some_rows<E: Number, V: Vector, const ROWS: usize>(query: &[f32], rows: [&[E]; ROWS]) -> [f32; ROWS] {
    let dim = query.len();
    assert!(rows.iter().all(|row| row.len() == dim));
    let (query, rows) = (query.as_ptr(), rows.map(<[E]>::as_ptr));
    // SAFETY: all reads end at or before `dim`, the length of the query and of every row.
    unsafe {
        let mut sums = [[V::splat(0.0); 2]; ROWS];
        let mut start = 0;
        while start + 2 * V::LANES <= dim {
            let q = [V::load(query.add(start)), V::load(query.add(start + V::LANES))];
            for r in 0..ROWS {
                let row = rows[r].add(start);
                sums[r][0] = E::load::<V>(row).multiply_add(q[0], sums[r][0]);
                sums[r][1] = E::load::<V>(row.add(V::LANES)).multiply_add(q[1], sums[r][1]);
            }
            start += 2 * V::LANES;
        }
        if start + V::LANES <= dim {
            let q = V::load(query.add(start));
            for r in 0..ROWS {
                sums[r][0] = E::load::<V>(rows[r].add(start)).multiply_add(q, sums[r][0]);
            }
            start += V::LANES;
        }
        if start < dim {
            let q = V::load_part(query.add(start), dim - start);
            for r in 0..ROWS {
                sums[r][1] = E::load_part::<V>(rows[r].add(start), dim - start).multiply_add(q, sums[r][1]);
            }
        }
        sums.map(|[a, b]| a.add(b).sum())
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
