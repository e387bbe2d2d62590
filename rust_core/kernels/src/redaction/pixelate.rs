use super::{Patch, Pixel};

/// A row of pixels, each the mean of its block over all `rows` (one block high). See [`super::definition::pixelate`].
pub(super) fn means<'a>(rows: impl ExactSizeIterator<Item = &'a [u8]>, patch: &Patch, block: usize) -> Vec<Pixel> {
    let height = rows.len();
    let mut sums = vec![[0u32; 3]; patch.width.div_ceil(block)];
    for row in rows {
        for (sum, cell) in sums.iter_mut().zip(row.as_chunks::<3>().0.chunks(block)) {
            for pixel in cell {
                for channel in 0..3 {
                    sum[channel] += u32::from(pixel[channel]);
                }
            }
        }
    }
    let mut means = vec![[0f32; 4]; patch.width];
    for (sum, cell) in sums.iter().zip(means.chunks_mut(block)) {
        let count = (height * cell.len()) as f32;
        cell.fill([sum[0] as f32 / count, sum[1] as f32 / count, sum[2] as f32 / count, 0.0]);
    }
    means
}
