use super::normalize::{Normalize, Sample};
use crate::image::Color;
use crate::isa::{Isa, multiversion};

/// Rotation, uniform scale and shift: (x, y) ↦ (a·x − b·y + tx, b·x + a·y + ty).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Similarity {
    pub a: f64,
    pub b: f64,
    pub tx: f64,
    pub ty: f64,
}

impl Similarity {
    /// The point that this transform takes to `point`.
    pub fn inverse(&self, point: [f64; 2]) -> [f64; 2] {
        let (x, y) = (point[0] - self.tx, point[1] - self.ty);
        let size = self.a * self.a + self.b * self.b;
        [(self.a * x + self.b * y) / size, (self.a * y - self.b * x) / size]
    }
}

/// The similarity transform that takes `points` nearest to `template` (least squares; Umeyama 1991 without reflections).
/// `None` when the points lie in one place or a number is not finite.
pub fn similarity(points: &[[f64; 2]; 5], template: &[[f64; 2]; 5]) -> Option<Similarity> {
    let mean = |points: &[[f64; 2]; 5]| [0, 1].map(|axis| points.iter().map(|p| p[axis]).sum::<f64>() / 5.0);
    let (from, to) = (mean(points), mean(template));
    let (mut spread, mut along, mut across) = (0.0, 0.0, 0.0);
    for (p, q) in points.iter().zip(template) {
        let (px, py, qx, qy) = (p[0] - from[0], p[1] - from[1], q[0] - to[0], q[1] - to[1]);
        spread += px * px + py * py;
        along += px * qx + py * qy;
        across += px * qy - py * qx;
    }
    let (a, b) = (along / spread, across / spread);
    let found = Similarity { a, b, tx: to[0] - (a * from[0] - b * from[1]), ty: to[1] - (b * from[0] + a * from[1]) };
    let size = a * a + b * b;
    (size.is_normal() && found.tx.is_finite() && found.ty.is_finite()).then_some(found)
}

/// Cuts a chip of `side` × `side` pixels out of `source`: the colour, interpolated between four pixels, at the point that
/// `transform` takes to each chip pixel; outside the picture it is black. See [`super::definition::align`]; a sample
/// differs from it by at most 0.03 of a grey level, times scale.
///
/// `chip` holds `3 * side * side` numbers: three planes when `planar`, otherwise three numbers a pixel.
pub fn align<T: Sample>(
    isa: Isa,
    source: Color,
    transform: &Similarity,
    side: usize,
    normalize: &Normalize,
    planar: bool,
    chip: &mut [T],
) {
    assert_eq!(chip.len(), 3 * side * side, "three numbers a pixel");
    let mut pixels = vec![[0f32; 4]; side];
    let origin = transform.inverse([0.0, 0.0]);
    let size = transform.a * transform.a + transform.b * transform.b;
    // A chip pixel to the right is this far in the picture; one down is the same turned by a right angle.
    let step = [transform.a / size, -transform.b / size];
    for v in 0..side {
        let start = [origin[0] - v as f64 * step[1], origin[1] + v as f64 * step[0]];
        sample_row(isa, source, start, step, &mut pixels);
        if planar {
            for (channel, plane) in chip.chunks_exact_mut(side * side).enumerate() {
                let (from, mean, scale) = (normalize.order[channel], normalize.mean[channel], normalize.scale[channel]);
                for (out, pixel) in plane[v * side..][..side].iter_mut().zip(&pixels) {
                    *out = T::from_f32((pixel[from] - mean) * scale);
                }
            }
        } else {
            for (out, pixel) in chip[3 * v * side..][..3 * side].as_chunks_mut::<3>().0.iter_mut().zip(&pixels) {
                *out = normalize.apply(*pixel).map(T::from_f32);
            }
        }
    }
}

multiversion! {
    /// Colours at `start`, `start + step`, …; the fourth number of each is of no use.
    fn sample_row(source: Color, start: [f64; 2], step: [f64; 2], pixels: &mut [[f32; 4]]) =
        |source, start, step, pixels| sample_row_body(source, start, step, pixels, blend),
        // SAFETY: compiled for AVX2, which includes SSSE3, and called only where it was detected.
        |source, start, step, pixels| sample_row_body(source, start, step, pixels, |u, l, x, y| unsafe { blend_ssse3(u, l, x, y) }),
        // SAFETY: as above.
        |source, start, step, pixels| sample_row_body(source, start, step, pixels, |u, l, x, y| unsafe { blend_ssse3(u, l, x, y) });
}

#[inline(always)]
fn sample_row_body(
    source: Color,
    start: [f64; 2],
    step: [f64; 2],
    pixels: &mut [[f32; 4]],
    blend: impl Fn(&[u8; 8], &[u8; 8], i16, i16) -> [f32; 4],
) {
    let (w, h) = (source.width() as f64, source.height() as f64);
    let point = |u: usize| (start[0] + u as f64 * step[0], start[1] + u as f64 * step[1]);
    // Eight bytes are read from a pixel on, so two more pixels must follow it; rounding must not matter.
    let is_inside = |u: usize| {
        let (x, y) = point(u);
        x >= MARGIN && y >= MARGIN && x < w - 2.0 - MARGIN && y < h - 1.0 - MARGIN
    };
    // A straight line enters and leaves the picture once.
    let side = pixels.len();
    let first = (0..side).find(|&u| is_inside(u)).unwrap_or(side);
    let end = (first..side).rfind(|&u| is_inside(u)).map_or(first, |last| last + 1);
    for u in (0..first).chain(end..side) {
        let (x, y) = point(u);
        pixels[u] = at_border(source, x, y);
    }
    let fixed = |value: f64| (value * (1u64 << POINT) as f64) as i64;
    let (mut x, mut y) = (fixed(point(first).0), fixed(point(first).1));
    let [dx, dy] = step.map(fixed);
    for out in &mut pixels[first..end] {
        let (left, top) = ((x >> POINT) as usize, (y >> POINT) as usize);
        let upper = source.row(top)[3 * left..].first_chunk().expect("eight bytes");
        let lower = source.row(top + 1)[3 * left..].first_chunk().expect("eight bytes");
        *out = blend(upper, lower, (x >> (POINT - 14)) as i16 & 0x3fff, (y >> (POINT - 15)) as i16 & 0x7fff);
        (x, y) = (x.wrapping_add(dx), y.wrapping_add(dy));
    }
}

/// Nearer to the border than this, the careful way is taken.
const MARGIN: f64 = 1e-3;
/// Binary places of a coordinate, which is stepped along a row.
const POINT: u32 = 32;

/// Weights are whole numbers, of 2¹⁴ across (`fx`) and of 2¹⁵ down (`fy`); a blended value carries 7 binary
/// places from blending down and 14 from blending across.
const UNIT: f32 = 1.0 / (1 << 21) as f32;

/// The first two pixels of `upper` and of `lower`, blended.
#[inline(always)]
fn blend(upper: &[u8; 8], lower: &[u8; 8], fx: i16, fy: i16) -> [f32; 4] {
    let down = |i: usize| {
        let (upper, lower) = (i32::from(upper[i]) << 7, i32::from(lower[i]) << 7);
        upper + (((lower - upper) * i32::from(fy) + (1 << 14)) >> 15)
    };
    let across = |c: usize| down(c) * ((1 << 14) - i32::from(fx)) + down(c + 3) * i32::from(fx);
    [across(0) as f32 * UNIT, across(1) as f32 * UNIT, across(2) as f32 * UNIT, 0.0]
}

/// The same, to the last bit.
///
/// # Safety
/// The processor has SSSE3.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn blend_ssse3(upper: &[u8; 8], lower: &[u8; 8], fx: i16, fy: i16) -> [f32; 4] {
    use std::arch::x86_64::*;
    // SAFETY: eight bytes are read from each array of eight, sixteen written to four numbers; the rest is arithmetic.
    unsafe {
        // Channel by channel the left and the right pixel, as 16-bit numbers.
        let pairs = _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
        let widen =
            |bytes: &[u8; 8]| _mm_slli_epi16::<7>(_mm_shuffle_epi8(_mm_loadl_epi64(bytes.as_ptr().cast()), pairs));
        let (upper, lower) = (widen(upper), widen(lower));
        let down = _mm_add_epi16(upper, _mm_mulhrs_epi16(_mm_sub_epi16(lower, upper), _mm_set1_epi16(fy)));
        let weights = _mm_set1_epi32((i32::from(fx) << 16) | ((1 << 14) - i32::from(fx)));
        let across = _mm_cvtepi32_ps(_mm_madd_epi16(down, weights));
        let mut colour = [0f32; 4];
        _mm_storeu_ps(colour.as_mut_ptr(), _mm_mul_ps(across, _mm_set1_ps(UNIT)));
        colour
    }
}

fn at_border(source: Color, x: f64, y: f64) -> [f32; 4] {
    if !(x > -1.0 && y > -1.0 && x < source.width() as f64 && y < source.height() as f64) {
        return [0.0; 4];
    }
    std::array::from_fn(|c| if c < 3 { super::definition::bilinear(source, x, y, c) as f32 } else { 0.0 })
}
