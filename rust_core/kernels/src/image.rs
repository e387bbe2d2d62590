//! Views of pictures that somebody else owns.

/// A grey picture: `height` rows of `width` bytes, row `y` at `data[y * stride..]`. Neither side is zero.
#[derive(Clone, Copy)]
pub struct Gray<'a> {
    data: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
}

impl<'a> Gray<'a> {
    /// `None` when a side is zero, rows overlap, or `data` is too short.
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

    /// The same bytes, three to a pixel; `None` when the width is no multiple of three.
    pub fn into_color(self) -> Option<Color<'a>> {
        let Gray { data, width, height, stride } = self;
        width.is_multiple_of(3).then_some(Color { data, width: width / 3, height, stride })
    }

    /// The part `left..right` × `top..bottom`; `None` when it is empty or reaches outside.
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

/// Index of the pixel that stands at `i` when a line of `n` is mirrored without repeating its ends: `c b | a b c | b a`
/// (OpenCV's default border).
#[inline(always)]
pub fn reflect101(i: isize, n: usize) -> usize {
    if n == 1 {
        return 0;
    }
    let period = 2 * (n - 1);
    let i = i.rem_euclid(period as isize) as usize;
    if i < n { i } else { period - i }
}

/// The same with the ends repeated: `b a | a b c | c b` (SciPy's `reflect`).
#[inline(always)]
pub fn reflect(i: isize, n: usize) -> usize {
    let i = i.rem_euclid(2 * n as isize) as usize;
    if i < n { i } else { 2 * n - 1 - i }
}

/// A picture of three channels, interleaved: `height` rows of `3 * width` bytes, row `y` at `data[y * stride..]`. The
/// kernels do not care which colour comes first. Neither side is zero.
#[derive(Clone, Copy)]
pub struct Color<'a> {
    data: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
}

impl<'a> Color<'a> {
    /// `None` when a side is zero, rows overlap, or `data` is too short.
    pub fn new(data: &'a [u8], width: usize, height: usize, stride: usize) -> Option<Self> {
        Gray::new(data, width.checked_mul(3)?, height, stride)?.into_color()
    }

    /// The same bytes, one to a pixel, three times as wide.
    pub(crate) fn bytes(&self) -> Gray<'a> {
        Gray { data: self.data, width: 3 * self.width, height: self.height, stride: self.stride }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    #[inline(always)]
    pub fn row(&self, y: usize) -> &'a [u8] {
        &self.data[y * self.stride..][..3 * self.width]
    }
}
