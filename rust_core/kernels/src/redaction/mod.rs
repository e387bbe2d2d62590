//! Parts of a picture made unrecognisable, in place.

mod blur;
pub mod definition;
mod mask;
mod pixelate;

pub use mask::{Region, Shape};

use crate::isa::Isa;

/// What happens inside a region; lengths in pixels.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Style {
    /// Gaussian blur with this standard deviation, of the region's own pixels mirrored at its bounding box. (Above the
    /// length of the box a blur is as good as its mean, and is done as if it were that length.)
    Blur { sigma: f32 },
    /// Squares of one colour, the mean of what they cover, from the bounding box's upper left corner on.
    Pixelate { block: usize },
}

/// Redacts `regions` one after another; their parts outside the picture are left out.
///
/// A region is redacted whole; over `feather` pixels around it the redaction fades into the picture.
///
/// # Panics
/// When `image` is not `height` rows of `3 * width` bytes, or `block` is 0.
pub fn redact(isa: Isa, image: &mut [u8], width: usize, height: usize, regions: &[Region], style: Style, feather: f32) {
    assert_eq!(image.len(), 3 * width * height, "three bytes a pixel");
    for region in regions {
        let Some(patch) = region.patch(width, height, feather) else { continue };
        let original = patch.read(image, width);
        let redacted = match style {
            Style::Blur { sigma } => blur::blur(isa, original.clone(), patch.width, patch.height, sigma),
            Style::Pixelate { block } => pixelate::pixelate(&original, patch.width, patch.height, block),
        };
        for y in 0..patch.height {
            let start = 3 * ((patch.top + y) * width + patch.left);
            let row = &mut image[start..][..3 * patch.width];
            let new = &redacted[y * patch.width..][..patch.width];
            region.blend_row(row, new, patch.left, patch.top + y, feather);
        }
    }
}

/// Colour and a fourth number of no use, which fills a vector register.
type Pixel = [f32; 4];

/// Whole pixels around a region, inside the picture.
#[derive(Clone, Copy)]
struct Patch {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Patch {
    fn read(&self, image: &[u8], width: usize) -> Vec<Pixel> {
        let mut pixels = Vec::with_capacity(self.width * self.height);
        for y in self.top..self.top + self.height {
            let row = &image[3 * (y * width + self.left)..][..3 * self.width];
            pixels.extend(row.as_chunks::<3>().0.iter().map(|&[a, b, c]| [a, b, c, 0].map(f32::from)));
        }
        pixels
    }
}
