/// Maps a channel value v (0 to 255) to `(v - mean) * scale`. `order[i]` is the source channel of output channel `i`;
/// `mean` and `scale` are in the order of the output.
#[derive(Clone, Copy, Debug)]
pub struct Normalize {
    pub order: [usize; 3],
    pub mean: [f32; 3],
    pub scale: [f32; 3],
}

impl Normalize {
    #[inline(always)]
    pub(super) fn apply(&self, pixel: [f32; 4]) -> [f32; 3] {
        let [a, b, c] = self.order;
        [
            (pixel[a] - self.mean[0]) * self.scale[0],
            (pixel[b] - self.mean[1]) * self.scale[1],
            (pixel[c] - self.mean[2]) * self.scale[2],
        ]
    }

    /// Writes `pixels` into each of three planes of `plane_size` numbers, from index `start` of the plane on.
    #[inline(always)]
    pub(super) fn write_planes<T: Sample>(
        &self,
        pixels: &[[f32; 4]],
        planes: &mut [T],
        plane_size: usize,
        start: usize,
    ) {
        for (channel, plane) in planes.chunks_exact_mut(plane_size).enumerate() {
            let (from, mean, scale) = (self.order[channel], self.mean[channel], self.scale[channel]);
            for (out, pixel) in plane[start..][..pixels.len()].iter_mut().zip(pixels) {
                *out = T::from_f32((pixel[from] - mean) * scale);
            }
        }
    }
}

/// A number type of a batch.
pub trait Sample: Copy + Send + Sync {
    fn from_f32(value: f32) -> Self;
}

impl Sample for f32 {
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }
}

/// Rounds and clamps to 0–255.
impl Sample for u8 {
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        (value + 0.5) as u8
    }
}
