/// What becomes of a channel's value (0–255): `(value - mean) * scale`. `order[i]` is the source channel of channel `i`;
/// `mean` and `scale` are in the order of the result.
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
}

/// The number type of a batch.
pub trait Sample: Copy + Send + Sync {
    fn from_f32(value: f32) -> Self;
}

impl Sample for f32 {
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }
}

/// Rounded, and held at 0 and 255.
impl Sample for u8 {
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        (value + 0.5) as u8
    }
}
