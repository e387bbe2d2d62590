use crate::image::{Gray, reflect101};
use crate::isa::{Isa, multiversion};

/// [`super::definition::laplacian_variance`], with identical results.
pub fn laplacian_variance(isa: Isa, gray: Gray) -> f64 {
    let sum = i128::from(sum(gray));
    let n = (gray.width() * gray.height()) as i128;
    (n * i128::from(sum_of_squares(isa, gray)) - sum * sum) as f64 / (n * n) as f64
}

/// The sum of the Laplacian over the image. Second differences telescope, so only the borders remain: along a line
/// `p[1] - p[0] + p[n-2] - p[n-1]`.
fn sum(gray: Gray) -> i64 {
    let (w, h) = (gray.width(), gray.height());
    let ends = |first: u8, second: u8, last_but_one: u8, last: u8| {
        i64::from(second) - i64::from(first) + i64::from(last_but_one) - i64::from(last)
    };
    let mut sum = 0;
    if w > 1 {
        sum += (0..h).map(|y| gray.row(y)).map(|row| ends(row[0], row[1], row[w - 2], row[w - 1])).sum::<i64>();
    }
    if h > 1 {
        let (a, b, y, z) = (gray.row(0), gray.row(1), gray.row(h - 2), gray.row(h - 1));
        sum += (0..w).map(|x| ends(a[x], b[x], y[x], z[x])).sum::<i64>();
    }
    sum
}

multiversion! {
    fn sum_of_squares(gray: Gray) -> u64 = sum_of_squares_body;
}

#[inline(always)]
fn sum_of_squares_body(gray: Gray) -> u64 {
    let (w, h) = (gray.width(), gray.height());
    let mut total = 0;
    for y in 0..h {
        let up = gray.row(reflect101(y as isize - 1, h));
        let mid = gray.row(y);
        let down = gray.row(reflect101(y as isize + 1, h));
        let at_border = |x: usize| {
            let (left, right) = (reflect101(x as isize - 1, w), reflect101(x as isize + 1, w));
            square(up[x], mid[left], mid[x], mid[right], down[x])
        };
        total += u64::from(at_border(0));
        if w > 1 {
            total += u64::from(at_border(w - 1));
        }
        if w > 2 {
            total += row_interior(up, mid, down);
        }
    }
    total
}

#[inline(always)]
fn row_interior(up: &[u8], mid: &[u8], down: &[u8]) -> u64 {
    // The squares of 4096 values of at most 1020 fit into a u32.
    const CHUNK: usize = 4096;
    let interior = mid.len() - 2;
    let (up, down) = (&up[1..][..interior], &down[1..][..interior]);
    let mut total = 0;
    let mut start = 0;
    while start < interior {
        let n = CHUNK.min(interior - start);
        let (up, down) = (&up[start..][..n], &down[start..][..n]);
        let (left, mid, right) = (&mid[start..][..n], &mid[start + 1..][..n], &mid[start + 2..][..n]);
        let mut sum = 0u32;
        for x in 0..n {
            sum = sum.wrapping_add(square(up[x], left[x], mid[x], right[x], down[x]));
        }
        total += u64::from(sum);
        start += n;
    }
    total
}

#[inline(always)]
fn square(up: u8, left: u8, mid: u8, right: u8, down: u8) -> u32 {
    let value = i16::from(up) + i16::from(left) + i16::from(right) + i16::from(down) - 4 * i16::from(mid);
    (i32::from(value) * i32::from(value)) as u32
}
