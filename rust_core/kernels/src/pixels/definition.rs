//! What the pixel kernels compute, in plain loops.

use super::normalize::Normalize;
use super::prepare::Placement;
use super::transform::SimilarityTransform;
use super::weights::pixel_weights;
use crate::image::Color;

/// Resizes `source` to its placement and normalises it: three planes of `frame.0` × `frame.1` numbers.
pub fn prepare(
    source: Color,
    placement: Placement,
    frame: (usize, usize),
    normalize: &Normalize,
    fill: u8,
) -> Vec<f32> {
    let (width, height) = frame;
    let mut planes = Vec::with_capacity(3 * width * height);
    for channel in 0..3 {
        for y in 0..height {
            for x in 0..width {
                let (px, py) = (x.wrapping_sub(placement.left), y.wrapping_sub(placement.top));
                let value = if px < placement.width && py < placement.height {
                    resized(source, placement, px, py, normalize.order[channel])
                } else {
                    f64::from(fill)
                };
                planes.push((value as f32 - normalize.mean[channel]) * normalize.scale[channel]);
            }
        }
    }
    planes
}

fn resized(source: Color, placement: Placement, x: usize, y: usize, channel: usize) -> f64 {
    let (left, across) = pixel_weights(source.width(), placement.width, x);
    let (top, down) = pixel_weights(source.height(), placement.height, y);
    let mut sum = 0.0;
    for (dy, &wy) in down.iter().enumerate() {
        for (dx, &wx) in across.iter().enumerate() {
            let value = source.row(top + dy)[3 * (left + dx) + channel];
            sum += f64::from(wy) * f64::from(wx) * f64::from(value);
        }
    }
    sum
}

/// The value of one channel at a point, interpolated between the four pixels around it; pixels outside the image are 0.
pub fn bilinear(source: Color, x: f64, y: f64, channel: usize) -> f64 {
    let pixel = |x: f64, y: f64| {
        let inside = x >= 0.0 && y >= 0.0 && x < source.width() as f64 && y < source.height() as f64;
        if inside { f64::from(source.row(y as usize)[3 * x as usize + channel]) } else { 0.0 }
    };
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let upper = pixel(left, top) * (1.0 - fx) + pixel(left + 1.0, top) * fx;
    let lower = pixel(left, top + 1.0) * (1.0 - fx) + pixel(left + 1.0, top + 1.0) * fx;
    upper * (1.0 - fy) + lower * fy
}

/// One chip of `side` × `side` pixels, interleaved: the colour at the point that `transform` maps to each chip pixel.
pub fn align(source: Color, transform: &SimilarityTransform, side: usize, normalize: &Normalize) -> Vec<f32> {
    let mut chip = Vec::with_capacity(3 * side * side);
    for v in 0..side {
        for u in 0..side {
            let [x, y] = transform.apply_inverse([u as f64, v as f64]);
            for channel in 0..3 {
                let value = bilinear(source, x, y, normalize.order[channel]);
                chip.push((value as f32 - normalize.mean[channel]) * normalize.scale[channel]);
            }
        }
    }
    chip
}
