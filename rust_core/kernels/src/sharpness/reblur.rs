use crate::image::{Gray, reflect};
use crate::isa::{Isa, multiversion};

/// The sums over a row of this width fit into a u32.
pub const REBLUR_MAX_WIDTH: usize = u32::MAX as usize / 11220;
/// The gradient is measured two pixels inside the border.
pub const REBLUR_MIN_SIDE: usize = 4;
const RADIUS: usize = 5;

/// [`super::definition::reblur_sharpness`], with identical results.
///
/// # Panics
/// If a side is shorter than [`REBLUR_MIN_SIDE`] or the image is wider than [`REBLUR_MAX_WIDTH`].
pub fn reblur_sharpness(isa: Isa, gray: Gray) -> f64 {
    assert!(gray.width().min(gray.height()) >= REBLUR_MIN_SIDE, "at least 4×4 pixels");
    assert!(gray.width() <= REBLUR_MAX_WIDTH, "at most REBLUR_MAX_WIDTH pixels wide");
    let [horizontal, vertical] = sums(isa, gray);
    let share = |sums: Sums| (sums.gradient > 0).then(|| sums.removed as f64 / (11 * sums.gradient) as f64);
    match (share(horizontal), share(vertical)) {
        (Some(a), Some(b)) => a.min(b),
        (Some(a), None) | (None, Some(a)) => a,
        (None, None) => 0.0,
    }
}

/// Sums over the inner pixels for one axis: Σ|sobel|, and Σ max(0, 11·|sobel| − |sobel of the 11-tap sum|).
#[derive(Clone, Copy, Default)]
struct Sums {
    gradient: u64,
    removed: u64,
}

multiversion! {
    fn sums(gray: Gray) -> [Sums; 2] = sums_body;
}

/// One pass down the image. Row `y` needs the pixels and the box sums of the rows `y-1..=y+1`; the sums are in ring
/// buffers of three rows.
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
            add(&mut vertical, along_y(rows[0], rows[2], &vertical_boxes[above], &vertical_boxes[below]));
            let boxes = [&horizontal_boxes[above][..], &horizontal_boxes[middle % 3], &horizontal_boxes[below]];
            add(&mut horizontal, along_x(rows, boxes));
        }
    }
    [horizontal, vertical]
}

#[inline(always)]
fn add(sums: &mut Sums, row: Sums) {
    sums.gradient += row.gradient;
    sums.removed += row.removed;
}

#[inline(always)]
fn slide(sums: &mut [u16], entering: &[u8], leaving: &[u8]) {
    let n = sums.len();
    let (entering, leaving) = (&entering[..n], &leaving[..n]);
    for x in 0..n {
        sums[x] = sums[x].wrapping_add(u16::from(entering[x])).wrapping_sub(u16::from(leaving[x]));
    }
}

/// Sets `sums[x]` to the sum of the 11 pixels around `x`.
#[inline(always)]
fn box_sums(row: &[u8], padded: &mut [u8], sums: &mut [u16]) {
    let w = row.len();
    padded[RADIUS..RADIUS + w].copy_from_slice(row);
    for i in 0..RADIUS {
        padded[i] = row[reflect(i as isize - RADIUS as isize, w)];
        padded[RADIUS + w + i] = row[reflect((w + i) as isize, w)];
    }
    let sums = &mut sums[..w];
    sums.fill(0);
    for tap in 0..=2 * RADIUS {
        let shifted = &padded[tap..][..w];
        for x in 0..w {
            sums[x] += u16::from(shifted[x]);
        }
    }
}

/// The sums for the gradient along y of the row between `above` and `below`, without the outer two columns.
#[inline(always)]
fn along_y(above: &[u8], below: &[u8], box_above: &[u16], box_below: &[u16]) -> Sums {
    let inner = above.len() - 3;
    row_sums(shifted(above, inner), shifted(below, inner), shifted(box_above, inner), shifted(box_below, inner))
}

/// The sums for the gradient along x of the middle row, without the outer two columns.
#[inline(always)]
fn along_x(rows: [&[u8]; 3], boxes: [&[u16]; 3]) -> Sums {
    let inner = rows[0].len() - 3;
    row_sums(
        rows.map(|row| &row[1..][..inner]),
        rows.map(|row| &row[3..][..inner]),
        boxes.map(|row| &row[1..][..inner]),
        boxes.map(|row| &row[3..][..inner]),
    )
}

/// Three lines before and three lines after each pixel, of the image (`a`, `b`) and of its box sums (`c`, `d`). All have
/// the same length.
#[inline(always)]
fn row_sums(
    [a0, a1, a2]: [&[u8]; 3],
    [b0, b1, b2]: [&[u8]; 3],
    [c0, c1, c2]: [&[u16]; 3],
    [d0, d1, d2]: [&[u16]; 3],
) -> Sums {
    let mut row = RowSums::default();
    for x in 0..a0.len() {
        let sharp = sobel([a0[x], a1[x], a2[x]].map(i16::from), [b0[x], b1[x], b2[x]].map(i16::from));
        let boxed = sobel([c0[x], c1[x], c2[x]].map(|v| v as i16), [d0[x], d1[x], d2[x]].map(|v| v as i16));
        row.add(sharp, boxed);
    }
    row.sums()
}

/// Slices of length `inner` that start at pixels 1, 2 and 3.
#[inline(always)]
fn shifted<T>(row: &[T], inner: usize) -> [&[T]; 3] {
    [&row[1..][..inner], &row[2..][..inner], &row[3..][..inner]]
}

/// The absolute Sobel gradient between two triples, which is at most 4 · 11 · 255 = 11220 for box sums.
#[inline(always)]
fn sobel(before: [i16; 3], after: [i16; 3]) -> i16 {
    let slope = |i: usize| after[i].wrapping_sub(before[i]);
    slope(0).wrapping_add(slope(1)).wrapping_add(slope(1)).wrapping_add(slope(2)).wrapping_abs()
}

#[derive(Default)]
struct RowSums {
    gradient: u32,
    removed: u32,
}

impl RowSums {
    #[inline(always)]
    fn add(&mut self, sharp: i16, boxed: i16) {
        let removed = sharp.wrapping_mul(11).wrapping_sub(boxed).max(0);
        self.gradient = self.gradient.wrapping_add(sharp as u32);
        self.removed = self.removed.wrapping_add(removed as u32);
    }

    fn sums(self) -> Sums {
        Sums { gradient: u64::from(self.gradient), removed: u64::from(self.removed) }
    }
}
