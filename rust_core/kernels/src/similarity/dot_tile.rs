//! Dot products of several rows with a group of vectors at once, for work that is limited by multiplications.

use crate::simd::Vector;

/// No group is wider.
pub const MAX_WIDTH: usize = 64;

/// Up to `width` vectors, interleaved so that one number of a row is multiplied with all of them by a few instructions.
pub struct Interleaved {
    /// Number `d` of vector `i` at `[d * width + i]`; missing vectors are zero.
    values: Vec<f32>,
    width: usize,
}

impl Interleaved {
    /// `vectors` are at most `width` slices of the same length.
    pub fn new(vectors: &[&[f32]], width: usize) -> Self {
        let dim = vectors.first().map_or(0, |vector| vector.len());
        let mut values = vec![0.0; dim * width];
        for (i, vector) in vectors.iter().enumerate() {
            for (d, &value) in vector.iter().enumerate() {
                values[d * width + i] = value;
            }
        }
        Self { values, width }
    }
}

/// Dot products of `ROWS` rows with `VECTORS * V::LANES` interleaved vectors, all summed in registers.
///
/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
pub unsafe fn dot_tile<V: Vector, const VECTORS: usize, const ROWS: usize>(
    group: &Interleaved,
    rows: [&[f32]; ROWS],
) -> [[V; VECTORS]; ROWS] {
    assert_eq!(group.width, VECTORS * V::LANES);
    let dim = group.values.len() / group.width;
    assert!(rows.iter().all(|row| row.len() == dim));
    // SAFETY: `d` stays below `dim`, the length of every row; there are `dim * width` interleaved numbers.
    unsafe {
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        for d in 0..dim {
            let at = group.values.as_ptr().add(d * group.width);
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

/// Whether any dot product of a row is above its limit, or NaN.
///
/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
pub unsafe fn any_above<V: Vector, const VECTORS: usize>(sums: &[V; VECTORS], limits: &[f32; MAX_WIDTH]) -> bool {
    const { assert!(VECTORS * V::LANES <= MAX_WIDTH) };
    // SAFETY: the assertion keeps the reads inside `limits`.
    (0..VECTORS).any(|v| unsafe { sums[v].any_above(V::load(limits.as_ptr().add(v * V::LANES))) })
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
pub unsafe fn to_array<V: Vector, const VECTORS: usize>(sums: &[V; VECTORS]) -> [f32; MAX_WIDTH] {
    const { assert!(VECTORS * V::LANES <= MAX_WIDTH) };
    let mut similarities = [0f32; MAX_WIDTH];
    for (v, sum) in sums.iter().enumerate() {
        // SAFETY: the assertion keeps the writes inside `similarities`.
        unsafe { sum.store(similarities.as_mut_ptr().add(v * V::LANES)) };
    }
    similarities
}
