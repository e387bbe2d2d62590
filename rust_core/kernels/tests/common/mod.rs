//! Generated images and vectors, the same in every run.
#![allow(dead_code)]

use photofinish_kernels::{Gray, Isa};

/// Lengths below, at and above the number of lanes of every vector type.
pub const LENGTHS: [usize; 13] = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65];

/// A linear congruential generator with Knuth's constants, good enough for test data.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as u32
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n
    }

    /// In [-1, 1).
    pub fn float(&mut self) -> f32 {
        self.next() as f32 / (1u32 << 30) as f32 - 1.0
    }

    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next() as u8).collect()
    }

    pub fn unit_rows(&mut self, count: usize, dim: usize) -> Vec<f32> {
        let mut values: Vec<f32> = (0..count * dim).map(|_| self.float()).collect();
        for row in values.chunks_mut(dim) {
            let length = row.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-6);
            row.iter_mut().for_each(|v| *v /= length);
        }
        values
    }
}

/// Calls `check` with images of every width and height of `LENGTHS`, contiguous and strided: noise, and black with
/// white dots, which have the largest possible gradients.
pub fn each_image(min_side: usize, mut check: impl FnMut(Gray, &str)) {
    let mut random = Random(1);
    for height in LENGTHS.into_iter().filter(|&n| n >= min_side) {
        for width in LENGTHS.into_iter().filter(|&n| n >= min_side) {
            for stride in [width, width + 5] {
                let noise = random.bytes(stride * height);
                let dots: Vec<u8> = noise.iter().map(|&v| if v < 100 { 255 } else { 0 }).collect();
                for (data, kind) in [(&noise, "noise"), (&dots, "dots")] {
                    let image = Gray::new(data, width, height, stride).expect("a valid image");
                    check(image, &format!("{kind} {width}×{height}, stride {stride}"));
                }
            }
        }
    }
}

pub fn each_isa(mut check: impl FnMut(Isa)) {
    Isa::supported().iter().for_each(|&isa| check(isa));
}
