use super::patch::Pixel;
use super::region::Region;
use super::{blur, pixelate};
use crate::isa::{Isa, multiversion};

/// How a region is redacted; lengths are in pixels.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Style {
    /// A Gaussian blur with this standard deviation. Beyond the region's bounding box its own pixels are mirrored. (A
    /// `sigma` longer than a side of the box acts as if it were that long, because the result is close to the mean.)
    Blur { sigma: f32 },
    /// Squares with the mean colour of their pixels, aligned with the upper left corner of the bounding box.
    Pixelate { block: usize },
}

/// Redacts `regions` one after another; parts outside the image are ignored.
///
/// A region is redacted completely; over `feather` pixels around it the redaction fades into the image.
///
/// # Panics
/// If `image` is not `height` rows of `3 * width` bytes, or `block` is 0.
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
                    region.blend_row(patch.row_mut(image, width, y), &bytes, patch.left, patch.top + y, feather);
                }
            }
            Style::Pixelate { block } => {
                for top in (0..patch.height).step_by(block) {
                    let rows = top..patch.height.min(top + block);
                    let means = pixelate::block_means(rows.clone().map(|y| patch.row(image, width, y)), &patch, block);
                    for y in rows {
                        region.blend_row(patch.row_mut(image, width, y), &means, patch.left, patch.top + y, feather);
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
        // Blurring keeps values between 0 and 255, except for rounding errors, which the clamp removes.
        let whole = pixel.map(|value| (value + 0.5).clamp(0.0, 255.0));
        // SAFETY: a clamped number is in the range of i32; sums of bytes are never NaN.
        let whole: [i32; 4] = whole.map(|value| unsafe { value.to_int_unchecked() });
        *bytes = [whole[0] as u8, whole[1] as u8, whole[2] as u8];
    }
}
