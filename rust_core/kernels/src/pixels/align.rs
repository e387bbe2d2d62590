use super::definition::bilinear;
use super::normalize::{Normalize, Sample};
use super::transform::SimilarityTransform;
use crate::image::Color;
use crate::isa::{Isa, multiversion};

/// Warps `source` into a chip of `side` × `side` pixels by `transform`, with bilinear interpolation and black outside
/// the image: [`super::definition::align`], within 0.03 grey levels times the scale.
///
/// `chip` holds `3 * side * side` numbers: three planes if `planar`, otherwise three numbers a pixel.
pub fn align<T: Sample>(
    isa: Isa,
    source: Color,
    transform: &SimilarityTransform,
    side: usize,
    normalize: &Normalize,
    planar: bool,
    chip: &mut [T],
) {
    assert_eq!(chip.len(), 3 * side * side, "three numbers a pixel");
    let mut pixels = vec![[0f32; 4]; side];
    let origin = transform.apply_inverse([0.0, 0.0]);
    let size = transform.a * transform.a + transform.b * transform.b;
    // One chip pixel to the right is this step in the image; one down is the same step turned by 90°.
    let step = [transform.a / size, -transform.b / size];
    for v in 0..side {
        let start = [origin[0] - v as f64 * step[1], origin[1] + v as f64 * step[0]];
        sample_row(isa, source, start, step, &mut pixels);
        if planar {
            normalize.write_planes(&pixels, chip, side * side, v * side);
        } else {
            for (out, pixel) in chip[3 * v * side..][..3 * side].as_chunks_mut::<3>().0.iter_mut().zip(&pixels) {
                *out = normalize.apply(*pixel).map(T::from_f32);
            }
        }
    }
}

multiversion! {
    /// The colours at `start`, `start + step`, …; the fourth number of each is unused.
    fn sample_row(source: Color, start: [f64; 2], step: [f64; 2], pixels: &mut [[f32; 4]]) =
        |source, start, step, pixels| sample_row_body(source, start, step, pixels, blend),
        // SAFETY: called only where AVX2, which includes SSSE3, was detected.
        |s, start, step, out| sample_row_body(s, start, step, out, |u, l, x, y| unsafe { blend_ssse3(u, l, x, y) }),
        // SAFETY: as above.
        |s, start, step, out| sample_row_body(s, start, step, out, |u, l, x, y| unsafe { blend_ssse3(u, l, x, y) });
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
    // Eight bytes are read from each pixel, so two more pixels must follow it. The margin allows for rounding.
    let is_inside = |u: usize| {
        let (x, y) = point(u);
        x >= MARGIN && y >= MARGIN && x < w - 2.0 - MARGIN && y < h - 1.0 - MARGIN
    };
    // A straight line enters and leaves the image once.
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

/// Samples closer than this to the border are computed by `at_border`.
const MARGIN: f64 = 1e-3;
/// Fractional bits of the coordinates that are stepped along a row.
const POINT: u32 = 32;

/// Weights are fixed-point: units of 2⁻¹⁴ across (`fx`) and of 2⁻¹⁵ down (`fy`). A blended value has 7 fractional bits
/// from blending down and 14 from blending across.
const UNIT: f32 = 1.0 / (1 << 21) as f32;

/// Blends the first two pixels of `upper` and of `lower`.
#[inline(always)]
fn blend(upper: &[u8; 8], lower: &[u8; 8], fx: i16, fy: i16) -> [f32; 4] {
    let down = |i: usize| {
        let (upper, lower) = (i32::from(upper[i]) << 7, i32::from(lower[i]) << 7);
        upper + (((lower - upper) * i32::from(fy) + (1 << 14)) >> 15)
    };
    let across = |c: usize| down(c) * ((1 << 14) - i32::from(fx)) + down(c + 3) * i32::from(fx);
    [across(0) as f32 * UNIT, across(1) as f32 * UNIT, across(2) as f32 * UNIT, 0.0]
}

/// As `blend`, with identical results.
///
/// # Safety
/// The processor has SSSE3.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn blend_ssse3(upper: &[u8; 8], lower: &[u8; 8], fx: i16, fy: i16) -> [f32; 4] {
    use std::arch::x86_64::*;
    // SAFETY: reads eight bytes from each array of eight and writes sixteen to four numbers; the rest is arithmetic.
    unsafe {
        // For each channel the left and the right pixel, as 16-bit numbers.
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
    std::array::from_fn(|c| if c < 3 { bilinear(source, x, y, c) as f32 } else { 0.0 })
}
