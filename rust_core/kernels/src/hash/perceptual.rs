use std::sync::OnceLock;

use crate::image::Gray;
use crate::isa::Isa;
use crate::pixels::blend::blend_rows;
use crate::pixels::weights::Weights;

/// The image is resized to this many pixels a side.
pub(super) const SIDE: usize = 32;
/// The number of lowest frequencies along each axis that make up the hash.
pub(super) const LOW: usize = 8;

/// 64 bits that change little when an image is scaled, compressed or brightened:
/// [`super::definition::perceptual_hash`].
pub fn perceptual_hash(isa: Isa, gray: Gray) -> u64 {
    let small = resize(isa, gray);
    let cosines = cosines();
    let mut across = [[0f64; LOW]; SIDE];
    for (row, out) in small.iter().zip(&mut across) {
        for (k, out) in out.iter_mut().enumerate() {
            *out = (0..SIDE).map(|x| f64::from(row[x]) * cosines[k][x]).sum();
        }
    }
    let mut low = [0f64; LOW * LOW];
    for (i, out) in low.iter_mut().enumerate() {
        let (ky, kx) = (i / LOW, i % LOW);
        *out = (0..SIDE).map(|y| across[y][kx] * cosines[ky][y]).sum();
    }
    bits(&low)
}

fn resize(isa: Isa, gray: Gray) -> [[f32; SIDE]; SIDE] {
    let (across, down) = (Weights::new(gray.width(), SIDE), Weights::new(gray.height(), SIDE));
    let mut line = vec![0f32; gray.width()];
    let mut small = [[0f32; SIDE]; SIDE];
    for (y, row) in small.iter_mut().enumerate() {
        let (first, weights) = down.of(y);
        blend_rows(isa, gray, first, weights, &mut line);
        for (x, out) in row.iter_mut().enumerate() {
            let (first, weights) = across.of(x);
            *out = line[first..].iter().zip(weights).map(|(value, weight)| value * weight).sum();
        }
    }
    small
}

/// One bit a frequency: whether it is above the median. The lowest frequency is the most significant bit.
pub(super) fn bits(low: &[f64; LOW * LOW]) -> u64 {
    let mut sorted = *low;
    sorted.sort_unstable_by(f64::total_cmp);
    let median = (sorted[31] + sorted[32]) / 2.0;
    low.iter().fold(0, |hash, &value| hash << 1 | u64::from(value > median))
}

/// The cosine of frequency k at pixel x, at `[k][x]` (DCT-II, not normalised).
fn cosines() -> &'static [[f64; SIDE]; LOW] {
    static COSINES: OnceLock<[[f64; SIDE]; LOW]> = OnceLock::new();
    let cosine = |k: usize, x: usize| (std::f64::consts::PI * k as f64 * (x as f64 + 0.5) / SIDE as f64).cos();
    COSINES.get_or_init(|| std::array::from_fn(|k| std::array::from_fn(|x| cosine(k, x))))
}
