//! What the sharpness kernels compute, in plain loops.

use crate::image::{Gray, reflect, reflect101};

/// Variance of the 4-neighbour Laplacian, with borders mirrored as in OpenCV (Pech-Pacheco et al. 2000).
pub fn laplacian_variance(gray: Gray) -> f64 {
    let (w, h) = (gray.width(), gray.height());
    let at = |x: isize, y: isize| i128::from(gray.row(reflect101(y, h))[reflect101(x, w)]);
    let (mut sum, mut sum_of_squares) = (0, 0);
    for y in 0..h as isize {
        for x in 0..w as isize {
            let value = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4 * at(x, y);
            sum += value;
            sum_of_squares += value * value;
        }
    }
    let n = (w * h) as i128;
    (n * sum_of_squares - sum * sum) as f64 / (n * n) as f64
}

/// One minus the no-reference blur metric of Crété-Roffet et al. 2007: the share of the image's gradient that a strong
/// box blur removes, which is small if the image is already blurred.
///
/// Window, gradient and borders are those of `skimage.measure.blur_effect(h_size=11)`: an 11-tap box along one axis,
/// the Sobel gradient along the same axis, without the outer two pixels, and the lower value of the two axes. An axis
/// without any gradient is ignored; an image without any gradient has sharpness 0. Needs at least 4×4 pixels.
pub fn reblur_sharpness(gray: Gray) -> f64 {
    let horizontal = axis_sharpness(gray.width(), gray.height(), |along, across| i64::from(gray.row(across)[along]));
    let vertical = axis_sharpness(gray.height(), gray.width(), |along, across| i64::from(gray.row(along)[across]));
    match (horizontal, vertical) {
        (Some(a), Some(b)) => a.min(b),
        (Some(a), None) | (None, Some(a)) => a,
        (None, None) => 0.0,
    }
}

/// Mean squared Sobel gradient, gx² + gy², with borders mirrored as in OpenCV (Tenenbaum 1970, Krotkov 1988).
pub fn tenengrad(gray: Gray) -> f64 {
    let (w, h) = (gray.width(), gray.height());
    let at = |x: isize, y: isize| i64::from(gray.row(reflect101(y, h))[reflect101(x, w)]);
    let mut sum = 0;
    for y in 0..h as isize {
        for x in 0..w as isize {
            let slope_x = |line: isize| at(x + 1, line) - at(x - 1, line);
            let slope_y = |line: isize| at(line, y + 1) - at(line, y - 1);
            let gx = slope_x(y - 1) + 2 * slope_x(y) + slope_x(y + 1);
            let gy = slope_y(x - 1) + 2 * slope_y(x) + slope_y(x + 1);
            sum += gx * gx + gy * gy;
        }
    }
    sum as f64 / (w * h) as f64
}

/// Share of the image's energy at spatial frequencies above `cutoff` cycles per pixel (0.5 is the highest frequency).
///
/// The mean is subtracted and a Hann window applied; otherwise the step between opposite borders, which are adjacent
/// for a Fourier transform, would count as detail. A flat image has 0.
pub fn high_frequency_share(gray: Gray, cutoff: f32) -> f64 {
    let (w, h) = (gray.width(), gray.height());
    let window = |i: usize, n: usize| (std::f64::consts::PI * (i + 1) as f64 / (n + 1) as f64).sin().powi(2);
    let pixels = || (0..h).flat_map(|y| (0..w).map(move |x| (x, y)));
    let weight = |x: usize, y: usize| window(x, w) * window(y, h);
    let weights: f64 = pixels().map(|(x, y)| weight(x, y)).sum();
    let mean = pixels().map(|(x, y)| weight(x, y) * f64::from(gray.row(y)[x])).sum::<f64>() / weights;
    let value = |x: usize, y: usize| (f64::from(gray.row(y)[x]) - mean) * weight(x, y);
    let frequency = |k: usize, n: usize| k.min(n - k) as f64 / n as f64;
    let (mut high, mut all) = (0.0, 0.0);
    for (kx, ky) in pixels() {
        let (mut re, mut im) = (0.0, 0.0);
        for (x, y) in pixels() {
            let turns = (kx * x) as f64 / w as f64 + (ky * y) as f64 / h as f64;
            let (sin, cos) = (std::f64::consts::TAU * turns).sin_cos();
            re += value(x, y) * cos;
            im += value(x, y) * sin;
        }
        let energy = re * re + im * im;
        all += energy;
        if frequency(kx, w).powi(2) + frequency(ky, h).powi(2) > f64::from(cutoff).powi(2) {
            high += energy;
        }
    }
    if all < 1e-6 * ((w * h) as f64).powi(2) { 0.0 } else { high / all }
}

fn axis_sharpness(length: usize, lines: usize, at: impl Fn(usize, usize) -> i64) -> Option<f64> {
    // Eleven times the blurred image, so that all values are exact integers.
    let blurred = |along: usize, across: usize| -> i64 {
        (-5..=5).map(|tap| at(reflect(along as isize + tap, length), across)).sum()
    };
    let sobel = |f: &dyn Fn(usize, usize) -> i64, along: usize, across: usize| -> i64 {
        let slope = |line: usize| f(along + 1, line) - f(along - 1, line);
        (slope(across - 1) + 2 * slope(across) + slope(across + 1)).abs()
    };
    let (mut gradient, mut removed) = (0, 0);
    for across in 2..lines - 1 {
        for along in 2..length - 1 {
            let sharp = sobel(&at, along, across);
            gradient += sharp;
            removed += (11 * sharp - sobel(&blurred, along, across)).max(0);
        }
    }
    (gradient > 0).then(|| removed as f64 / (11 * gradient) as f64)
}
