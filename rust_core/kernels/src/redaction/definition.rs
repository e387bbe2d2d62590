//! What the redaction kernels compute, in plain loops.

use super::blur::{PASSES, Window};
use crate::image::reflect101;

/// Three passes of an extended box filter along x and y, with borders mirrored as in OpenCV.
pub fn blur(pixels: &[[f32; 4]], width: usize, height: usize, sigma: f32) -> Vec<[f32; 4]> {
    let (across, down) = (Window::new(sigma.min(width as f32)), Window::new(sigma.min(height as f32)));
    let mut current = pixels.to_vec();
    for _ in 0..PASSES {
        let rows = |x: isize, y: isize, from: &[[f32; 4]]| from[y as usize * width + reflect101(x, width)];
        current = each(width, height, |x, y| mean(across, |offset| rows(x + offset, y, &current)));
        let columns = |x: isize, y: isize, from: &[[f32; 4]]| from[reflect101(y, height) * width + x as usize];
        current = each(width, height, |x, y| mean(down, |offset| columns(x, y + offset, &current)));
    }
    current
}

fn each(width: usize, height: usize, f: impl Fn(isize, isize) -> [f32; 4]) -> Vec<[f32; 4]> {
    (0..width * height).map(|i| f((i % width) as isize, (i / width) as isize)).collect()
}

fn mean(window: Window, at: impl Fn(isize) -> [f32; 4]) -> [f32; 4] {
    let reach = window.radius as isize + 1;
    let weight = |offset: isize| f64::from(if offset.abs() == reach { window.edge } else { 1.0 });
    std::array::from_fn(|channel| {
        let sum: f64 = (-reach..=reach).map(|offset| weight(offset) * f64::from(at(offset)[channel])).sum();
        (sum * f64::from(window.share)) as f32
    })
}

/// Each pixel becomes the mean of its block.
pub fn pixelate(pixels: &[[f32; 4]], width: usize, height: usize, block: usize) -> Vec<[f32; 4]> {
    let mean = |left: usize, top: usize, channel: usize| {
        let (right, bottom) = (width.min(left + block), height.min(top + block));
        let cells = (top..bottom).flat_map(|y| (left..right).map(move |x| f64::from(pixels[y * width + x][channel])));
        (cells.sum::<f64>() / ((right - left) * (bottom - top)) as f64) as f32
    };
    (0..width * height)
        .map(|i| {
            let (left, top) = (i % width / block * block, i / width / block * block);
            std::array::from_fn(|channel| mean(left, top, channel))
        })
        .collect()
}
