use crate::image::Gray;
use crate::isa::multiversion;

multiversion! {
    /// Sets `line` to the weighted sum of the rows from `first` on, byte by byte. Numbers beyond the width stay
    /// unchanged.
    pub fn blend_rows(source: Gray, first: usize, weights: &[f32], line: &mut [f32]) = blend_rows_body;
}

/// Numbers that are summed over all rows at once, few enough to keep the sums in registers.
const STRIP: usize = 64;

#[inline(always)]
fn blend_rows_body(source: Gray, first: usize, weights: &[f32], line: &mut [f32]) {
    let n = source.width();
    let (strips, rest) = line[..n].as_chunks_mut::<STRIP>();
    for (i, strip) in strips.iter_mut().enumerate() {
        let mut sums = [0f32; STRIP];
        for (t, &weight) in weights.iter().enumerate() {
            let pixels: &[u8; STRIP] = source.row(first + t)[i * STRIP..][..STRIP].try_into().expect("a strip");
            for x in 0..STRIP {
                sums[x] += weight * f32::from(pixels[x]);
            }
        }
        *strip = sums;
    }
    let done = n - rest.len();
    rest.fill(0.0);
    for (t, &weight) in weights.iter().enumerate() {
        for (sum, &pixel) in rest.iter_mut().zip(&source.row(first + t)[done..]) {
            *sum += weight * f32::from(pixel);
        }
    }
}
