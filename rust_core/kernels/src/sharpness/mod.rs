//! How sharp is a picture, or a part of it?

pub mod definition;
mod laplacian;
mod reblur;

pub use laplacian::laplacian_variance;
pub use reblur::{REBLUR_MIN_SIDE, reblur_sharpness};
