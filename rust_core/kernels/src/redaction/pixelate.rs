use super::Pixel;

/// See [`super::definition::pixelate`].
pub fn pixelate(pixels: &[Pixel], width: usize, height: usize, block: usize) -> Vec<Pixel> {
    assert!(block > 0, "a block has a size");
    let mut result = vec![[0f32; 4]; pixels.len()];
    let across = width.div_ceil(block);
    for top in (0..height).step_by(block) {
        let bottom = height.min(top + block);
        let mut sums = vec![[0f32; 4]; across];
        for row in pixels[top * width..bottom * width].chunks_exact(width) {
            for (sum, cells) in sums.iter_mut().zip(row.chunks(block)) {
                for pixel in cells {
                    for channel in 0..4 {
                        sum[channel] += pixel[channel];
                    }
                }
            }
        }
        for row in result[top * width..bottom * width].chunks_exact_mut(width) {
            for (sum, cells) in sums.iter().zip(row.chunks_mut(block)) {
                let share = 1.0 / ((bottom - top) * cells.len()) as f32;
                cells.fill(sum.map(|value| value * share));
            }
        }
    }
    result
}
