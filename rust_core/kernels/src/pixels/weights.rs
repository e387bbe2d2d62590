/// The source pixels of each pixel of a resized line, and their weights.
pub struct Weights {
    first: Vec<u32>,
    /// `taps` weights for each pixel; unused ones are zero.
    values: Vec<f32>,
    taps: usize,
}

impl Weights {
    /// Downscaling averages the area that a pixel covers (OpenCV's INTER_AREA, no aliasing); upscaling interpolates
    /// linearly between pixel centres (INTER_LINEAR).
    pub fn new(source: usize, target: usize) -> Self {
        let lines: Vec<(usize, Vec<f32>)> = (0..target).map(|i| pixel_weights(source, target, i)).collect();
        let taps = lines.iter().map(|(_, weights)| weights.len()).max().unwrap_or(1);
        let mut weights = Self { first: Vec::new(), values: Vec::new(), taps };
        for (first, mut line) in lines {
            // Zero weights must belong to existing pixels.
            let shift = (first + taps).saturating_sub(source);
            line.splice(0..0, std::iter::repeat_n(0.0, shift));
            line.resize(taps, 0.0);
            weights.first.push((first - shift) as u32);
            weights.values.extend(line);
        }
        weights
    }

    /// The first source pixel and the weights of pixel `i`.
    #[inline(always)]
    pub fn of(&self, i: usize) -> (usize, &[f32]) {
        (self.first[i] as usize, &self.values[i * self.taps..][..self.taps])
    }
}

/// The first source pixel and the weights of pixel `i` when `source` pixels are resized to `target`.
pub fn pixel_weights(source: usize, target: usize, i: usize) -> (usize, Vec<f32>) {
    let scale = source as f64 / target as f64;
    if source > target {
        let (from, to) = (i as f64 * scale, (i + 1) as f64 * scale);
        let first = from as usize;
        let last = (to.ceil() as usize).min(source);
        let overlap = |pixel: usize| (to.min((pixel + 1) as f64) - from.max(pixel as f64)).max(0.0);
        return (first, (first..last).map(|pixel| (overlap(pixel) / scale) as f32).collect());
    }
    let centre = ((i as f64 + 0.5) * scale - 0.5).clamp(0.0, (source - 1) as f64);
    let first = centre as usize;
    let second = (centre - first as f64) as f32;
    if second == 0.0 { (first, vec![1.0]) } else { (first, vec![1.0 - second, second]) }
}
