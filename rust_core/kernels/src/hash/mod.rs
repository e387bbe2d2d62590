//! Near duplicates: pictures whose coarse structure is the same.

pub mod definition;
mod hamming;
mod perceptual;

pub use hamming::{Near, hamming_search};
pub use perceptual::perceptual_hash;
