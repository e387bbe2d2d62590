use super::{Patch, Pixel};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    Rectangle,
    Ellipse,
}

/// A rectangle in pixels, edges between pixels, or the ellipse that touches its sides.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Region {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
    pub shape: Shape,
}

impl Region {
    /// `None` when nothing of it lies in the picture.
    pub(super) fn patch(&self, width: usize, height: usize, feather: f32) -> Option<Patch> {
        let from = |edge: f32| (edge - feather).floor().max(0.0) as usize;
        let to = |edge: f32, limit: usize| ((edge + feather).ceil().max(0.0) as usize).min(limit);
        let (left, top) = (from(self.left), from(self.top));
        let (right, bottom) = (to(self.right, width), to(self.bottom, height));
        let has_area = self.left < self.right && self.top < self.bottom;
        (has_area && left < right && top < bottom).then(|| Patch { left, top, width: right - left, height: bottom - top })
    }

    /// How much of the redaction a pixel gets, 0 to 1, judged at its centre.
    #[inline(always)]
    pub fn alpha(&self, x: usize, y: usize, feather: f32) -> f32 {
        let (rx, ry) = ((self.right - self.left) / 2.0, (self.bottom - self.top) / 2.0);
        let dx = (x as f32 + 0.5 - self.left - rx).abs();
        let dy = (y as f32 + 0.5 - self.top - ry).abs();
        let outside = match self.shape {
            Shape::Rectangle => (dx - rx).max(0.0).hypot((dy - ry).max(0.0)),
            Shape::Ellipse => {
                // Along the line from the centre: exact on the axes, near enough between them.
                let reach = (dx / rx).hypot(dy / ry);
                if reach <= 1.0 { 0.0 } else { dx.hypot(dy) * (1.0 - 1.0 / reach) }
            }
        };
        if outside <= 0.0 { 1.0 } else { (1.0 - outside / feather.max(f32::MIN_POSITIVE)).max(0.0) }
    }

    pub(super) fn blend_row(&self, row: &mut [u8], redacted: &[Pixel], left: usize, y: usize, feather: f32) {
        for (x, (old, new)) in row.as_chunks_mut::<3>().0.iter_mut().zip(redacted).enumerate() {
            let alpha = self.alpha(left + x, y, feather);
            for channel in 0..3 {
                let before = f32::from(old[channel]);
                old[channel] = (before + alpha * (new[channel] - before) + 0.5) as u8;
            }
        }
    }
}
