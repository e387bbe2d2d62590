use super::blend::blend_rows;
use super::normalize::{Normalize, Sample};
use super::weights::Weights;
use crate::image::Color;
use crate::isa::{Isa, multiversion};

/// How an image is fitted into a frame with another aspect ratio.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// Fill the frame, ignoring the aspect ratio.
    Stretch,
    /// Keep the aspect ratio, and pad on the right or below.
    PadEnd,
    /// Keep the aspect ratio, and pad on both sides.
    Center,
}

/// The position of an image in its frame: `width` × `height` pixels from `left`, `top`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

/// Fits a `source` into a `frame`, both (width, height).
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

/// Resizes `source` to its placement (see [`Weights::new`]), normalises it, and writes it into `planes`, which are
/// three of `frame.0` × `frame.1` numbers. Padding gets the grey level `fill`, also normalised. See
/// [`super::definition::prepare`].
///
/// # Panics
/// If `planes` is not three times the frame, or the placement extends beyond it.
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
    // One number more than the pixels have, because four are read at a time.
    let mut line = vec![0f32; 3 * source.width() + 1];
    let mut resized = vec![[0f32; 4]; placement.width];
    for y in 0..placement.height {
        let (first, weights) = down.of(y);
        blend_rows(isa, source.bytes(), first, weights, &mut line);
        resize_row(isa, &line, &across, &mut resized);
        let start = (placement.top + y) * width + placement.left;
        normalize.write_planes(&resized, planes, width * height, start);
    }
}

multiversion! {
    /// The pixels of the resized row; the fourth number of each is unused.
    fn resize_row(line: &[f32], weights: &Weights, resized: &mut [[f32; 4]]) = resize_row_body;
}

#[inline(always)]
fn resize_row_body(line: &[f32], weights: &Weights, resized: &mut [[f32; 4]]) {
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
