use super::patch::Pixel;
use crate::image::reflect101;
use crate::isa::{Isa, multiversion};
use crate::simd::{self, Vector};

/// Approximates a Gaussian blur by three box blurs along each axis (PSNR above 40 dB against a true Gaussian), in time
/// that does not depend on `sigma`: [`super::definition::blur`].
///
/// All passes along an axis are applied to a few lines at a time, which stay in the cache.
pub fn blur(isa: Isa, mut pixels: Vec<Pixel>, width: usize, height: usize, sigma: f32) -> Vec<Pixel> {
    blur_rows(isa, &mut pixels, width, Window::new(sigma.min(width as f32)));
    blur_columns(isa, &mut pixels, width, Window::new(sigma.min(height as f32)));
    pixels
}

pub(super) const PASSES: usize = 3;

/// An extended box: `2 * radius + 1` pixels of weight 1 and one more of weight `edge` on either side, so that its
/// variance is exactly sigma² / 3 (Gwosdek et al. 2011, "Theoretical Foundations of Gaussian Convolution by Extended
/// Box Filtering").
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub radius: usize,
    pub edge: f32,
    /// One divided by the sum of all weights.
    pub share: f32,
}

impl Window {
    pub fn new(sigma: f32) -> Self {
        let variance = f64::from(sigma).powi(2) / PASSES as f64;
        let radius = (0.5 * (12.0 * variance + 1.0).sqrt() - 0.5).floor();
        let next = (radius + 1.0) * (radius + 1.0);
        let edge = (2.0 * radius + 1.0) * (radius * (radius + 1.0) - 3.0 * variance) / (6.0 * (variance - next));
        Self { radius: radius as usize, edge: edge as f32, share: (1.0 / (2.0 * radius + 1.0 + 2.0 * edge)) as f32 }
    }
}

/// Lines that are blurred together: as many as a cache line holds pixels.
const LINES: usize = 4;

/// Pixel i of each of LINES lines.
type Group = [Pixel; LINES];

fn blur_rows(isa: Isa, pixels: &mut [Pixel], width: usize, window: Window) {
    let mut lines = vec![[[0f32; 4]; LINES]; width];
    let mut padded = vec![[[0f32; 4]; LINES]; width + 2 * (window.radius + 1)];
    for rows in pixels.chunks_mut(LINES * width) {
        for (row, pixels) in rows.chunks_exact(width).enumerate() {
            for (line, pixel) in lines.iter_mut().zip(pixels) {
                line[row] = *pixel;
            }
        }
        passes(isa, &mut lines, &mut padded, window);
        for (row, pixels) in rows.chunks_exact_mut(width).enumerate() {
            for (line, pixel) in lines.iter().zip(pixels) {
                *pixel = line[row];
            }
        }
    }
}

fn blur_columns(isa: Isa, pixels: &mut [Pixel], width: usize, window: Window) {
    let height = pixels.len() / width;
    let mut lines = vec![[[0f32; 4]; LINES]; height];
    let mut padded = vec![[[0f32; 4]; LINES]; height + 2 * (window.radius + 1)];
    for left in (0..width).step_by(LINES) {
        let columns = LINES.min(width - left);
        for (line, row) in lines.iter_mut().zip(pixels.chunks_exact(width)) {
            line[..columns].copy_from_slice(&row[left..left + columns]);
        }
        passes(isa, &mut lines, &mut padded, window);
        for (line, row) in lines.iter().zip(pixels.chunks_exact_mut(width)) {
            row[left..left + columns].copy_from_slice(&line[..columns]);
        }
    }
}

multiversion! {
    /// Applies all box blurs to `lines`; `padded` has room for the lines and their mirrored borders.
    fn passes(lines: &mut [Group], padded: &mut [Group], window: Window) = unsafe
        passes_body::<simd::F32x4, 4>, passes_body::<simd::F32x8, 2>, passes_body::<simd::F32x16, 1>;
}

/// A group is `VECTORS` vectors.
///
/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn passes_body<V: Vector, const VECTORS: usize>(lines: &mut [Group], padded: &mut [Group], window: Window) {
    const { assert!(VECTORS * V::LANES == 4 * LINES) };
    let (length, reach) = (lines.len(), window.radius + 1);
    let load = |group: &Group| -> [V; VECTORS] {
        let from = group.as_ptr().cast::<f32>();
        // SAFETY: a group is VECTORS vectors, so each read stays in it; the caller guarantees the instruction set.
        std::array::from_fn(|v| unsafe { V::load(from.add(v * V::LANES)) })
    };
    let store = |values: [V; VECTORS], group: &mut Group| {
        let to = group.as_mut_ptr().cast::<f32>();
        for (v, value) in values.iter().enumerate() {
            // SAFETY: as for the reads.
            unsafe { value.store(to.add(v * V::LANES)) };
        }
    };
    // SAFETY: the caller guarantees the instruction set.
    unsafe {
        let (minus, edge, share) = (V::splat(-1.0), V::splat(window.edge), V::splat(window.share));
        let zero = V::splat(0.0);
        for _ in 0..PASSES {
            padded[reach..reach + length].copy_from_slice(lines);
            for i in 0..reach {
                padded[i] = lines[reflect101(i as isize - reach as isize, length)];
                padded[reach + length + i] = lines[reflect101((length + i) as isize, length)];
            }
            let mut sums = [zero; VECTORS];
            for group in &padded[1..2 * reach] {
                let values = load(group);
                for v in 0..VECTORS {
                    sums[v] = sums[v].add(values[v]);
                }
            }
            let (before, leaving, after) = (&padded[..length], &padded[1..][..length], &padded[2 * reach..][..length]);
            for x in 0..length {
                let (before, leaving, after) = (load(&before[x]), load(&leaving[x]), load(&after[x]));
                let mut blurred = sums;
                for v in 0..VECTORS {
                    let edges = before[v].add(after[v]);
                    blurred[v] = edges.multiply_add(edge, sums[v]).multiply_add(share, zero);
                    sums[v] = sums[v].add(leaving[v].multiply_add(minus, after[v]));
                }
                store(blurred, &mut lines[x]);
            }
        }
    }
}
