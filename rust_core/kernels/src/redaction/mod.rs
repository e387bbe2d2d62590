//! Parts of a picture made unrecognisable, in place.

mod blur;
pub mod definition;
mod mask;
mod pixelate;

pub use mask::{Region, Shape};

use crate::isa::{Isa, multiversion};

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
        match style {
            Style::Blur { sigma } => {
                let blurred = blur::blur(isa, patch.read(image, width), patch.width, patch.height, sigma);
                let mut bytes = vec![0u8; 3 * patch.width];
                for (y, pixels) in blurred.chunks_exact(patch.width).enumerate() {
                    round(isa, pixels, &mut bytes);
                    region.blend_row(patch.row(image, width, y), &bytes, patch.left, patch.top + y, feather);
                }
            }
            Style::Pixelate { block } => {
                for top in (0..patch.height).step_by(block) {
                    let rows = top..patch.height.min(top + block);
                    let means = pixelate::means(rows.clone().map(|y| patch.bytes(image, width, y)), &patch, block);
                    for y in rows {
                        region.blend_row(patch.row(image, width, y), &means, patch.left, patch.top + y, feather);
                    }
                }
            }
        }
    }
}

multiversion! {
    fn round(pixels: &[Pixel], bytes: &mut [u8]) = round_body;
}

#[inline(always)]
fn round_body(pixels: &[Pixel], bytes: &mut [u8]) {
    for (bytes, pixel) in bytes.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
        // Blurring keeps values between 0 and 255 but for rounding, which the clamp sees to.
        let whole = pixel.map(|value| (value + 0.5).clamp(0.0, 255.0));
        // SAFETY: a clamped number is in the range of i32; sums of bytes are never NaN.
        let whole: [i32; 4] = whole.map(|value| unsafe { value.to_int_unchecked() });
        *bytes = [whole[0] as u8, whole[1] as u8, whole[2] as u8];
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
    fn bytes<'a>(&self, image: &'a [u8], width: usize, y: usize) -> &'a [u8] {
        &image[3 * ((self.top + y) * width + self.left)..][..3 * self.width]
    }

    /// The bytes of its row `y`.
    fn row<'a>(&self, image: &'a mut [u8], width: usize, y: usize) -> &'a mut [u8] {
        &mut image[3 * ((self.top + y) * width + self.left)..][..3 * self.width]
    }

    fn read(&self, image: &[u8], width: usize) -> Vec<Pixel> {
        let mut pixels = Vec::with_capacity(self.width * self.height);
        for y in 0..self.height {
            let row = self.bytes(image, width, y);
            pixels.extend(row.as_chunks::<3>().0.iter().map(|&[a, b, c]| [a, b, c, 0].map(f32::from)));
        }
        pixels
    }
}
