//! Borrowed views of images.

/// A greyscale image: `height` rows of `width` bytes, row `y` starting at `data[y * stride]`. Neither side is zero.
#[derive(Clone, Copy)]
pub struct Gray<'a> {
    data: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
}

impl<'a> Gray<'a> {
    /// `None` if a side is zero, rows overlap, or `data` is too short.
    pub fn new(data: &'a [u8], width: usize, height: usize, stride: usize) -> Option<Self> {
        let needed = height.checked_sub(1)?.checked_mul(stride)?.checked_add(width)?;
        let fits = width > 0 && (stride >= width || height == 1) && data.len() >= needed;
        fits.then_some(Self { data, width, height, stride })
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    #[inline(always)]
    pub fn row(&self, y: usize) -> &'a [u8] {
        &self.data[y * self.stride..][..self.width]
    }

    /// The same bytes as an image of three bytes a pixel; `None` if the width is not a multiple of three.
    pub fn into_color(self) -> Option<Color<'a>> {
        self.width.is_multiple_of(3).then_some(Color { bytes: self })
    }

    /// The part `left..right` × `top..bottom`; `None` if it is empty or extends beyond the image.
    pub fn crop(&self, left: usize, top: usize, right: usize, bottom: usize) -> Option<Gray<'a>> {
        let inside = left < right && right <= self.width && top < bottom && bottom <= self.height;
        inside.then(|| Gray {
            data: &self.data[top * self.stride + left..],
            width: right - left,
            height: bottom - top,
            stride: self.stride,
        })
    }
}

/// An image of three interleaved channels, in any channel order. Neither side is zero.
#[derive(Clone, Copy)]
pub struct Color<'a> {
    bytes: Gray<'a>,
}

impl<'a> Color<'a> {
    /// `height` rows of `3 * width` bytes, row `y` starting at `data[y * stride]`. `None` if a side is zero, rows
    /// overlap, or `data` is too short.
    pub fn new(data: &'a [u8], width: usize, height: usize, stride: usize) -> Option<Self> {
        Gray::new(data, width.checked_mul(3)?, height, stride)?.into_color()
    }

    /// The same bytes as a greyscale image three times as wide.
    pub(crate) fn bytes(&self) -> Gray<'a> {
        self.bytes
    }

    pub fn width(&self) -> usize {
        self.bytes.width / 3
    }

    pub fn height(&self) -> usize {
        self.bytes.height
    }

    #[inline(always)]
    pub fn row(&self, y: usize) -> &'a [u8] {
        self.bytes.row(y)
    }
}

/// The index that `i` maps to when a line of `n` pixels is mirrored without repeating the edge pixels:
/// `c b | a b c | b a` (OpenCV's default border, `BORDER_REFLECT_101`).
#[inline(always)]
pub fn reflect101(i: isize, n: usize) -> usize {
    if n == 1 {
        return 0;
    }
    let period = 2 * (n - 1);
    let i = i.rem_euclid(period as isize) as usize;
    if i < n { i } else { period - i }
}

/// The index that `i` maps to when a line of `n` pixels is mirrored with the edge pixels repeated: `b a | a b c | c b`
/// (SciPy's `reflect`).
#[inline(always)]
pub fn reflect(i: isize, n: usize) -> usize {
    let i = i.rem_euclid(2 * n as isize) as usize;
    if i < n { i } else { 2 * n - 1 - i }
}
