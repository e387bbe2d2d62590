use super::blend::blend_rows;
use super::normalize::{Normalize, Sample};
use super::weights::Weights;
use crate::image::Color;
use crate::isa::{Isa, multiversion};

/// How a picture is laid into a frame of another shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// Fill the frame, whatever becomes of the proportions.
    Stretch,
    /// Keep the proportions; what is left over lies right or below.
    PadEnd,
    /// Keep the proportions; what is left over lies on both sides.
    Center,
}

/// Where a picture lies in its frame: `width` × `height` pixels from `left`, `top`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

/// Places a `source` of (width, height) in a `frame`.
pub fn place(source: (usize, usize), frame: (usize, usize), fit: Fit) -> Placement {
    if fit == Fit::Stretch {
        return Placement { left: 0, top: 0, width: frame.0, height: frame.1 };
    }
    let scale = (frame.0 as f64 / source.0 as f64).min(frame.1 as f64 / source.1 as f64);
    let side = |length: usize, limit: usize| ((length as f64 * scale).round() as usize).clamp(1, limit);
    let (width, height) = (side(source.0, frame.0), side(source.1, frame.1));
    let (left, top) = if fit == Fit::Center { ((frame.0 - width) / 2, (frame.1 - height) / 2) } else { (0, 0) };
    Placement { left, top, width, height }
}

/// Resizes `source` (see [`Weights::new`]) to its placement, normalises it, and writes it as three planes of
/// `frame.0` × `frame.1` numbers, one after another, into `planes`; pixels beside the picture get the colour `fill`,
/// normalised too. See [`super::definition::prepare`].
///
/// # Panics
/// When `planes` is not three times the frame, or the placement does not lie inside it.
pub fn prepare<T: Sample>(
    isa: Isa,
    source: Color,
    placement: Placement,
    frame: (usize, usize),
    normalize: &Normalize,
    fill: u8,
    planes: &mut [T],
) {
    let (width, height) = frame;
    assert_eq!(planes.len(), 3 * width * height, "three planes of the frame");
    assert!(placement.left + placement.width <= width && placement.top + placement.height <= height);
    if placement.width < width || placement.height < height {
        let fill = normalize.apply([f32::from(fill); 4]);
        for (plane, value) in planes.chunks_exact_mut(width * height).zip(fill) {
            plane.fill(T::from_f32(value));
        }
    }
    let across = Weights::new(source.width(), placement.width);
    let down = Weights::new(source.height(), placement.height);
    // One number more than pixels, because four are read at a time.
    let mut line = vec![0f32; 3 * source.width() + 1];
    let mut resized = vec![[0f32; 4]; placement.width];
    for y in 0..placement.height {
        let (first, weights) = down.of(y);
        blend_rows(isa, source.bytes(), first, weights, &mut line);
        shrink_row(isa, &line, &across, &mut resized);
        let start = (placement.top + y) * width + placement.left;
        for (channel, plane) in planes.chunks_exact_mut(width * height).enumerate() {
            let (from, mean, scale) = (normalize.order[channel], normalize.mean[channel], normalize.scale[channel]);
            for (out, pixel) in plane[start..][..placement.width].iter_mut().zip(&resized) {
                *out = T::from_f32((pixel[from] - mean) * scale);
            }
        }
    }
}

multiversion! {
    /// Pixels of the resized row; the fourth number of each is of no use.
    fn shrink_row(line: &[f32], weights: &Weights, resized: &mut [[f32; 4]]) = shrink_row_body;
}

#[inline(always)]
fn shrink_row_body(line: &[f32], weights: &Weights, resized: &mut [[f32; 4]]) {
    for (x, out) in resized.iter_mut().enumerate() {
        let (first, weights) = weights.of(x);
        let pixels = &line[3 * first..][..3 * weights.len() + 1];
        let mut sum = [0f32; 4];
        for (t, &weight) in weights.iter().enumerate() {
            let pixel: &[f32; 4] = pixels[3 * t..3 * t + 4].try_into().expect("four numbers");
            for c in 0..4 {
                sum[c] += weight * pixel[c];
            }
        }
        *out = sum;
    }
}
