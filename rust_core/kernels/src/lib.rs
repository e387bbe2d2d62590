//! The performance-critical kernels of photofinish, in pure Rust.
//!
//! There is one folder per family. In each, `definition.rs` states in plain loops what a kernel computes; the other
//! files compute the same fast, on every [`Isa`] of the processor. Tests compare the two.

pub mod hash;
pub mod image;
pub mod isa;
pub mod parallel;
pub mod pixels;
pub mod redaction;
pub mod reranking;
pub mod sharpness;
mod simd;
pub mod similarity;

pub use image::{Color, Gray};
pub use isa::Isa;
