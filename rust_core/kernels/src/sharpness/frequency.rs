use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use rustfft::{Fft, FftPlanner, num_complex::Complex};

use crate::image::Gray;
use crate::isa::{Isa, multiversion};

/// [`super::definition::high_frequency_share`], within rounding errors of at most 1e-6.
///
/// Only the columns of the spectrum with frequencies below the cutoff are transformed: by Parseval's theorem, the rest
/// of the image's energy is above it. The FFT library selects its own instruction set.
pub fn high_frequency_share(isa: Isa, gray: Gray, cutoff: f32) -> f64 {
    let (w, h) = (gray.width(), gray.height());
    let plan = Plan::cached(w, h);
    let mut windowed = vec![0f32; w * h];
    let energy = window(isa, gray, &plan.window_x, &plan.window_y, &mut windowed);
    // A flat image, within rounding.
    if energy < 1e-6 * (w * h) as f64 {
        return 0.0;
    }
    let columns = ((cutoff * w as f32) as usize).min(w / 2) + 1;
    let mut spectrum = vec![Complex::default(); columns * h];
    transform_rows(&*plan.rows, &windowed, columns, &mut spectrum);
    plan.columns.process(&mut spectrum);
    let low: f64 = spectrum.chunks_exact(h).enumerate().map(|(kx, column)| low_energy(kx, column, w, cutoff)).sum();
    (1.0 - low / (energy * (w * h) as f64)).clamp(0.0, 1.0)
}

/// Writes the first `columns` frequencies of every row, column by column. Two real rows a and b share one complex
/// transform as a + ib, and are separated by symmetry.
fn transform_rows(fft: &dyn Fft<f32>, rows: &[f32], columns: usize, spectrum: &mut [Complex<f32>]) {
    let w = fft.len();
    let h = rows.len() / w;
    let mut pair = vec![Complex::default(); w];
    let mut scratch = vec![Complex::default(); fft.get_inplace_scratch_len()];
    let zeros = vec![0f32; w];
    for y in (0..h).step_by(2) {
        let first = &rows[y * w..][..w];
        let second = if y + 1 < h { &rows[(y + 1) * w..][..w] } else { &zeros };
        for (value, (&re, &im)) in pair.iter_mut().zip(first.iter().zip(second)) {
            *value = Complex { re, im };
        }
        fft.process_with_scratch(&mut pair, &mut scratch);
        for column in 0..columns {
            let (value, mirror) = (pair[column], pair[(w - column) % w].conj());
            let (sum, difference) = ((value + mirror) * 0.5, (value - mirror) * 0.5);
            spectrum[column * h + y] = sum;
            if y + 1 < h {
                spectrum[column * h + y + 1] = Complex { re: difference.im, im: -difference.re };
            }
        }
    }
}

/// The energy of a column at or below the cutoff. Columns with a mirrored column outside the half spectrum count twice.
fn low_energy(kx: usize, column: &[Complex<f32>], w: usize, cutoff: f32) -> f64 {
    let (h, fx) = (column.len(), kx as f64 / w as f64);
    let reach = f64::from(cutoff).powi(2) - fx * fx;
    if reach < 0.0 {
        return 0.0;
    }
    let last = ((reach.sqrt() * h as f64) as usize).min(h / 2);
    let sum = |part: &[Complex<f32>]| f64::from(part.iter().map(Complex::norm_sqr).sum::<f32>());
    let negative_from = (h - last).max(last + 1);
    let energy = sum(&column[..=last]) + sum(&column[negative_from..]);
    if kx == 0 || 2 * kx == w { energy } else { 2.0 * energy }
}

multiversion! {
    /// Writes the image minus its weighted mean, times the window; returns the sum of squares.
    fn window(gray: Gray, window_x: &[f32], window_y: &[f32], out: &mut [f32]) -> f64 = window_body;
}

#[inline(always)]
fn window_body(gray: Gray, window_x: &[f32], window_y: &[f32], out: &mut [f32]) -> f64 {
    let w = gray.width();
    let mut weighted = 0.0;
    for (y, &wy) in window_y.iter().enumerate() {
        weighted += f64::from(wy) * f64::from(dot_u8(gray.row(y), window_x));
    }
    let sum = |window: &[f32]| window.iter().map(|&v| f64::from(v)).sum::<f64>();
    let mean = (weighted / (sum(window_x) * sum(window_y))) as f32;
    let mut energy = 0.0;
    for (y, (out, &wy)) in out.chunks_exact_mut(w).zip(window_y).enumerate() {
        for ((out, &pixel), &wx) in out.iter_mut().zip(gray.row(y)).zip(window_x) {
            *out = (f32::from(pixel) - mean) * (wx * wy);
        }
        energy += f64::from(sum_of_squares(out));
    }
    energy
}

const LANES: usize = 16;

#[inline(always)]
fn dot_u8(pixels: &[u8], weights: &[f32]) -> f32 {
    let (pixel_blocks, pixel_rest) = pixels.as_chunks::<LANES>();
    let (weight_blocks, weight_rest) = weights.as_chunks::<LANES>();
    let mut lanes = [0f32; LANES];
    for (pixels, weights) in pixel_blocks.iter().zip(weight_blocks) {
        for lane in 0..LANES {
            lanes[lane] += f32::from(pixels[lane]) * weights[lane];
        }
    }
    let rest: f32 = pixel_rest.iter().zip(weight_rest).map(|(&pixel, &weight)| f32::from(pixel) * weight).sum();
    lanes.iter().sum::<f32>() + rest
}

#[inline(always)]
fn sum_of_squares(values: &[f32]) -> f32 {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0f32; LANES];
    for block in blocks {
        for lane in 0..LANES {
            lanes[lane] += block[lane] * block[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|v| v * v).sum::<f32>()
}

/// Plans by width and height.
type Plans = HashMap<(usize, usize), Arc<Plan>>;

/// Everything that depends only on the size of the image.
struct Plan {
    rows: Arc<dyn Fft<f32>>,
    columns: Arc<dyn Fft<f32>>,
    window_x: Vec<f32>,
    window_y: Vec<f32>,
}

impl Plan {
    /// The sizes of face crops are unlimited, so the cache is cleared when it is full.
    const CACHED: usize = 64;

    fn cached(w: usize, h: usize) -> Arc<Plan> {
        static PLANS: OnceLock<Mutex<Plans>> = OnceLock::new();
        let mut plans = PLANS.get_or_init(Mutex::default).lock().expect("planning does not panic");
        if plans.len() >= Plan::CACHED && !plans.contains_key(&(w, h)) {
            plans.clear();
        }
        Arc::clone(plans.entry((w, h)).or_insert_with(|| Arc::new(Plan::new(w, h))))
    }

    fn new(w: usize, h: usize) -> Plan {
        let mut planner = FftPlanner::new();
        Plan {
            rows: planner.plan_fft_forward(w),
            columns: planner.plan_fft_forward(h),
            window_x: hann(w),
            window_y: hann(h),
        }
    }
}

/// The Hann window without its zero ends, so that every pixel counts.
fn hann(n: usize) -> Vec<f32> {
    let step = std::f64::consts::PI / (n + 1) as f64;
    (1..=n).map(|i| (step * i as f64).sin().powi(2) as f32).collect()
}
