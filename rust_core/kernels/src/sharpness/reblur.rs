use crate::image::{Gray, reflect};
use crate::isa::{Isa, multiversion};

/// The gradient is measured two pixels inside the border.
pub const REBLUR_MIN_SIDE: usize = 4;
const RADIUS: usize = 5;

/// See [`super::definition::reblur_sharpness`]; equal to it to the last bit.
///
/// # Panics
/// When a side is shorter than [`REBLUR_MIN_SIDE`].
pub fn reblur_sharpness(isa: Isa, gray: Gray) -> f64 {
    assert!(gray.width().min(gray.height()) >= REBLUR_MIN_SIDE, "re-blur needs 4×4 pixels");
    let [horizontal, vertical] = sums(isa, gray);
    let share = |sums: Sums| (sums.gradient > 0).then(|| sums.destroyed as f64 / (11 * sums.gradient) as f64);
    match (share(horizontal), share(vertical)) {
        (Some(a), Some(b)) => a.min(b),
        (Some(a), None) | (None, Some(a)) => a,
        (None, None) => 0.0,
    }
}

/// Both over the inner pixels of one axis: Σ|sobel|, and Σ max(0, 11·|sobel| − |sobel of the 11-tap sum|).
#[derive(Clone, Copy, Default)]
struct Sums {
    gradient: u64,
    destroyed: u64,
}

multiversion! {
    fn sums(gray: Gray) -> [Sums; 2] = sums_body;
}

/// One pass down the picture: row `y` needs the plain rows and the box sums of `y-1..=y+1`, kept in rings of three.
#[inline(always)]
fn sums_body(gray: Gray) -> [Sums; 2] {
    let (w, h) = (gray.width(), gray.height());
    let source = |y: isize| gray.row(reflect(y, h));
    let mut column_sums = vec![0u16; w];
    for tap in -(RADIUS as isize)..=RADIUS as isize {
        for (sum, &pixel) in column_sums.iter_mut().zip(source(tap)) {
            *sum += u16::from(pixel);
        }
    }
    let mut vertical_boxes = [vec![0u16; w], vec![0u16; w], vec![0u16; w]];
    let mut horizontal_boxes = vertical_boxes.clone();
    let mut padded = vec![0u8; w + 2 * RADIUS];
    let (mut horizontal, mut vertical) = (Sums::default(), Sums::default());
    for y in 1..h {
        let (entering, leaving) = (source((y + RADIUS) as isize), source(y as isize - RADIUS as isize - 1));
        slide(&mut column_sums, entering, leaving);
        vertical_boxes[y % 3].copy_from_slice(&column_sums);
        box_sums(gray.row(y), &mut padded, &mut horizontal_boxes[y % 3]);
        if y >= 3 {
            let middle = y - 1;
            let rows = [gray.row(y - 2), gray.row(middle), gray.row(y)];
            let [above, below] = [(y - 2) % 3, y % 3];
            add(&mut vertical, along_y(rows, &vertical_boxes[above], &vertical_boxes[below]));
            let boxes = [&horizontal_boxes[above][..], &horizontal_boxes[middle % 3], &horizontal_boxes[below]];
            add(&mut horizontal, along_x(rows, boxes));
        }
    }
    [horizontal, vertical]
}

#[inline(always)]
fn add(sums: &mut Sums, row: Sums) {
    sums.gradient += row.gradient;
    sums.destroyed += row.destroyed;
}

#[inline(always)]
fn slide(sums: &mut [u16], entering: &[u8], leaving: &[u8]) {
    let n = sums.len();
    let (entering, leaving) = (&entering[..n], &leaving[..n]);
    for x in 0..n {
        sums[x] = sums[x].wrapping_add(u16::from(entering[x])).wrapping_sub(u16::from(leaving[x]));
    }
}

/// `sums[x]` = the 11 pixels around `x`.
#[inline(always)]
fn box_sums(row: &[u8], padded: &mut [u8], sums: &mut [u16]) {
    let w = row.len();
    padded[RADIUS..RADIUS + w].copy_from_slice(row);
    for i in 0..RADIUS {
        padded[i] = row[reflect(i as isize - RADIUS as isize, w)];
        padded[RADIUS + w + i] = row[reflect((w + i) as isize, w)];
    }
    let taps: [&[u8]; 11] = std::array::from_fn(|tap| &padded[tap..][..w]);
    let sums = &mut sums[..w];
    for x in 0..w {
        let mut sum = 0;
        for tap in taps {
            sum += u16::from(tap[x]);
        }
        sums[x] = sum;
    }
}

/// Widest piece of a row whose sums fit a u32: 65536 · 11220 < 2³².
const CHUNK: usize = 65536;

#[inline(always)]
fn along_y(rows: [&[u8]; 3], box_above: &[u16], box_below: &[u16]) -> Sums {
    let inner = rows[0].len() - 3;
    let (above, below) = (shifted(rows[0], inner), shifted(rows[2], inner));
    let (box_above, box_below) = (shifted(box_above, inner), shifted(box_below, inner));
    accumulate(inner, |x| {
        let plain = |dx: usize| i16::from(below[dx][x]) - i16::from(above[dx][x]);
        let boxed = |dx: usize| box_below[dx][x] as i16 - box_above[dx][x] as i16;
        (plain(0) + 2 * plain(1) + plain(2), boxed(0) + 2 * boxed(1) + boxed(2))
    })
}

/// The pieces that start one, two and three pixels in.
#[inline(always)]
fn shifted<T>(row: &[T], inner: usize) -> [&[T]; 3] {
    std::array::from_fn(|dx| &row[1 + dx..][..inner])
}

#[inline(always)]
fn along_x(rows: [&[u8]; 3], boxes: [&[u16]; 3]) -> Sums {
    let inner = rows[0].len() - 3;
    let (left, right): ([&[u8]; 3], [&[u8]; 3]) = (rows.map(|r| &r[1..][..inner]), rows.map(|r| &r[3..][..inner]));
    let (box_left, box_right) = (boxes.map(|b| &b[1..][..inner]), boxes.map(|b| &b[3..][..inner]));
    accumulate(inner, |x| {
        let plain = |dy: usize| i16::from(right[dy][x]) - i16::from(left[dy][x]);
        let boxed = |dy: usize| box_right[dy][x] as i16 - box_left[dy][x] as i16;
        (plain(0) + 2 * plain(1) + plain(2), boxed(0) + 2 * boxed(1) + boxed(2))
    })
}

/// `gradients(x)` = (sobel, sobel of the box sums); the second is at most 4 · 11 · 255 = 11220 in size.
#[inline(always)]
fn accumulate(inner: usize, gradients: impl Fn(usize) -> (i16, i16)) -> Sums {
    let mut sums = Sums::default();
    let mut start = 0;
    while start < inner {
        let end = inner.min(start + CHUNK);
        let (mut gradient, mut destroyed) = (0u32, 0u32);
        for x in start..end {
            let (sharp, boxed) = gradients(x);
            let sharp = sharp.wrapping_abs();
            gradient = gradient.wrapping_add(sharp as u32);
            destroyed = destroyed.wrapping_add((11 * sharp - boxed.wrapping_abs()).max(0) as u32);
        }
        sums.gradient += u64::from(gradient);
        sums.destroyed += u64::from(destroyed);
        start = end;
    }
    sums
}
