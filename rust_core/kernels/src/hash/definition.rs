//! What the hash kernels compute, in plain loops.

use super::perceptual::{LOW, SIDE, bits};
use crate::image::Gray;
use crate::pixels::weights::pixel_weights;

/// Resizes the image to 32×32 (downscaling by area, upscaling by interpolation), applies the two-dimensional DCT-II (as
/// SciPy's `dctn`, not normalised), and sets one bit for each of the 8×8 lowest frequencies that is above their median,
/// row by row from the most significant bit. (Zauner 2010; as `imagehash.phash`, except for the resizing.)
pub fn perceptual_hash(gray: Gray) -> u64 {
    let small = |x: usize, y: usize| {
        let (left, across) = pixel_weights(gray.width(), SIDE, x);
        let (top, down) = pixel_weights(gray.height(), SIDE, y);
        let row = |dy: usize| -> f64 {
            across.iter().enumerate().map(|(dx, &w)| f64::from(w) * f64::from(gray.row(top + dy)[left + dx])).sum()
        };
        down.iter().enumerate().map(|(dy, &w)| f64::from(w) * row(dy)).sum::<f64>()
    };
    let cosine = |k: usize, x: usize| (std::f64::consts::PI * k as f64 * (x as f64 + 0.5) / SIDE as f64).cos();
    let mut low = [0f64; LOW * LOW];
    for (i, out) in low.iter_mut().enumerate() {
        for y in 0..SIDE {
            for x in 0..SIDE {
                *out += small(x, y) * cosine(i / LOW, y) * cosine(i % LOW, x);
            }
        }
    }
    bits(&low)
}
