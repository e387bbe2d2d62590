//! Finds near-duplicates: images with the same coarse structure.

pub mod definition;
mod hamming;
mod perceptual;

pub use hamming::{HashMatch, hamming_search};
pub use perceptual::perceptual_hash;
