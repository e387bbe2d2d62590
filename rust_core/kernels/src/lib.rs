//! The hot kernels of photofinish, without Python.
//!
//! One folder per family. In each, `definition.rs` says in plain loops what a kernel computes; the other files compute
//! the same thing fast, on every [`Isa`] the processor has. Tests compare the two.

pub mod hash;
pub mod image;
pub mod isa;
pub mod parallel;
pub mod pixels;
pub mod redaction;
pub mod sharpness;
mod simd;
pub mod similarity;

pub use image::{Color, Gray};
pub use isa::Isa;
