use super::patch::Patch;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    Rectangle,
    Ellipse,
}

/// A rectangle, or the ellipse that touches its sides. Coordinates are in pixels; whole numbers are the edges between
/// pixels.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Region {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
    pub shape: Shape,
}

impl Region {
    /// The pixels that the region and its feather touch; `None` if they are all outside the image.
    pub(super) fn patch(&self, width: usize, height: usize, feather: f32) -> Option<Patch> {
        let from = |edge: f32| (edge - feather).floor().max(0.0) as usize;
        let to = |edge: f32, limit: usize| ((edge + feather).ceil().max(0.0) as usize).min(limit);
        let (left, top) = (from(self.left), from(self.top));
        let (right, bottom) = (to(self.right, width), to(self.bottom, height));
        let has_area = self.left < self.right && self.top < self.bottom;
        (has_area && left < right && top < bottom).then(|| Patch {
            left,
            top,
            width: right - left,
            height: bottom - top,
        })
    }

    /// The opacity of the redaction at the centre of a pixel: 1 in the region, falling to 0 over `feather` pixels.
    pub fn alpha(&self, x: usize, y: usize, feather: f32) -> f32 {
        let (rx, ry, dx, dy) = self.offsets(x, y);
        let outside = match self.shape {
            Shape::Rectangle => (dx - rx).max(0.0).hypot((dy - ry).max(0.0)),
            Shape::Ellipse => {
                // The distance along the ray from the centre: exact on the axes, an approximation between them.
                let reach = (dx / rx).hypot(dy / ry);
                if reach <= 1.0 { 0.0 } else { dx.hypot(dy) * (1.0 - 1.0 / reach) }
            }
        };
        if outside <= 0.0 { 1.0 } else { (1.0 - outside / feather.max(f32::MIN_POSITIVE)).max(0.0) }
    }

    /// Half the sides, and the distances of a pixel from the centre.
    fn offsets(&self, x: usize, y: usize) -> (f32, f32, f32, f32) {
        let (rx, ry) = ((self.right - self.left) / 2.0, (self.bottom - self.top) / 2.0);
        (rx, ry, (x as f32 + 0.5 - self.left - rx).abs(), (y as f32 + 0.5 - self.top - ry).abs())
    }

    /// Blends `redacted` over `row`, both the bytes of the pixels from (`left`, `y`) on. Alpha decreases towards both
    /// ends of a row, so it is computed only there, and the middle is copied.
    pub(super) fn blend_row(&self, row: &mut [u8], redacted: &[u8], left: usize, y: usize, feather: f32) {
        let (row, redacted) = (row.as_chunks_mut::<3>().0, redacted.as_chunks::<3>().0);
        let n = row.len();
        let is_whole = |x: usize| self.alpha(left + x, y, feather) == 1.0;
        let middle = (((self.left + self.right) / 2.0 - left as f32).max(0.0) as usize).min(n - 1);
        // Estimates of the ends, which may be off by rounding; the loops correct them.
        let half = self.half_width(y);
        let centre = (self.left + self.right) / 2.0 - left as f32 - 0.5;
        let mut first = ((centre - half).max(0.0) as usize).min(middle);
        let mut end = ((centre + half + 2.0).max(0.0) as usize).clamp(middle, n);
        while first < end && !is_whole(first) {
            first += 1;
        }
        while end > first && !is_whole(end - 1) {
            end -= 1;
        }
        row[first..end].copy_from_slice(&redacted[first..end]);
        if feather == 0.0 {
            return;
        }
        for x in (0..first).chain(end..n) {
            let alpha = self.alpha(left + x, y, feather);
            for channel in 0..3 {
                let before = f32::from(row[x][channel]);
                row[x][channel] = (before + alpha * (f32::from(redacted[x][channel]) - before) + 0.5) as u8;
            }
        }
    }

    /// Half the width of the region in a row of pixels.
    fn half_width(&self, y: usize) -> f32 {
        let (rx, ry, _, dy) = self.offsets(0, y);
        match self.shape {
            Shape::Rectangle => rx,
            Shape::Ellipse => rx * (1.0 - (dy / ry).powi(2)).max(0.0).sqrt(),
        }
    }
}
