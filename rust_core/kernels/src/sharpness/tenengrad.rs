use crate::image::{Gray, reflect101};
use crate::isa::{Isa, multiversion};

/// [`super::definition::tenengrad`], with identical results.
pub fn tenengrad(isa: Isa, gray: Gray) -> f64 {
    sum_of_squares(isa, gray) as f64 / (gray.width() * gray.height()) as f64
}

multiversion! {
    fn sum_of_squares(gray: Gray) -> u64 = sum_of_squares_body;
}

#[inline(always)]
fn sum_of_squares_body(gray: Gray) -> u64 {
    let (w, h) = (gray.width(), gray.height());
    let mut padded = [vec![0u8; w + 2], vec![0u8; w + 2], vec![0u8; w + 2]];
    let mut total = 0;
    for y in 0..h {
        for (dy, padded) in padded.iter_mut().enumerate() {
            let row = gray.row(reflect101((y + dy) as isize - 1, h));
            padded[1..=w].copy_from_slice(row);
            padded[0] = row[reflect101(-1, w)];
            padded[w + 1] = row[reflect101(w as isize, w)];
        }
        total += row_sum([&padded[0], &padded[1], &padded[2]]);
    }
    total
}

/// Σ gx² + gy² of the middle row; all rows have one more pixel at either end.
#[inline(always)]
fn row_sum([up, mid, down]: [&[u8]; 3]) -> u64 {
    // 2048 sums of two squares of values of at most 1020 fit into a u32.
    const CHUNK: usize = 2048;
    let w = mid.len() - 2;
    let mut total = 0;
    let mut start = 0;
    while start < w {
        let n = CHUNK.min(w - start);
        let (u0, u1, u2) = (&up[start..][..n], &up[start + 1..][..n], &up[start + 2..][..n]);
        let (m0, m2) = (&mid[start..][..n], &mid[start + 2..][..n]);
        let (d0, d1, d2) = (&down[start..][..n], &down[start + 1..][..n], &down[start + 2..][..n]);
        let mut sum = 0u32;
        for x in 0..n {
            let [u0, u1, u2] = [u0[x], u1[x], u2[x]].map(i16::from);
            let [m0, m2] = [m0[x], m2[x]].map(i16::from);
            let [d0, d1, d2] = [d0[x], d1[x], d2[x]].map(i16::from);
            let gx = i32::from((u2 - u0) + 2 * (m2 - m0) + (d2 - d0));
            let gy = i32::from((d0 - u0) + 2 * (d1 - u1) + (d2 - u2));
            sum = sum.wrapping_add((gx * gx) as u32).wrapping_add((gy * gy) as u32);
        }
        total += u64::from(sum);
        start += n;
    }
    total
}
