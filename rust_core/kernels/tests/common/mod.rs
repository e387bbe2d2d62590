//! Made-up pictures and vectors, the same every time.
#![allow(dead_code)]

use photofinish_kernels::{Gray, Isa};

/// Lengths either side of the lanes of every vector register.
pub const LENGTHS: [usize; 13] = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65];

/// Numerical Recipes' linear congruential generator: enough for test pictures.
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

/// Calls `check` with pictures of every pair of `LENGTHS`, packed and with rows apart: noise, and black with white dots,
/// whose gradients are the largest possible.
pub fn each_picture(min_side: usize, mut check: impl FnMut(Gray, &str)) {
    let mut random = Random(1);
    for height in LENGTHS.into_iter().filter(|&n| n >= min_side) {
        for width in LENGTHS.into_iter().filter(|&n| n >= min_side) {
            for stride in [width, width + 5] {
                let noise = random.bytes(stride * height);
                let dots: Vec<u8> = noise.iter().map(|&v| if v < 100 { 255 } else { 0 }).collect();
                for (data, kind) in [(&noise, "noise"), (&dots, "dots")] {
                    let picture = Gray::new(data, width, height, stride).expect("a valid picture");
                    check(picture, &format!("{kind} {width}×{height}, rows {stride} apart"));
                }
            }
        }
    }
}

pub fn each_isa(mut check: impl FnMut(Isa)) {
    Isa::supported().iter().for_each(|&isa| check(isa));
}
