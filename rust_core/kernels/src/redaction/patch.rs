/// Three colour channels and an unused fourth number, which fills a vector register.
pub type Pixel = [f32; 4];

/// The whole pixels of an image that a region and its feather touch. `image` is rows of `3 * width` bytes.
#[derive(Clone, Copy)]
pub struct Patch {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

impl Patch {
    /// The bytes of row `y` of the patch.
    pub fn row<'a>(&self, image: &'a [u8], width: usize, y: usize) -> &'a [u8] {
        &image[3 * ((self.top + y) * width + self.left)..][..3 * self.width]
    }

    pub fn row_mut<'a>(&self, image: &'a mut [u8], width: usize, y: usize) -> &'a mut [u8] {
        &mut image[3 * ((self.top + y) * width + self.left)..][..3 * self.width]
    }

    pub fn read(&self, image: &[u8], width: usize) -> Vec<Pixel> {
        let mut pixels = Vec::with_capacity(self.width * self.height);
        for y in 0..self.height {
            let row = self.row(image, width, y);
            pixels.extend(row.as_chunks::<3>().0.iter().map(|&[a, b, c]| [a, b, c, 0].map(f32::from)));
        }
        pixels
    }
}
