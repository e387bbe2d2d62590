//! Measures of the sharpness of an image or a region.

pub mod definition;
mod frequency;
mod laplacian;
mod reblur;
mod tenengrad;
mod tiles;

pub use frequency::high_frequency_share;
pub use laplacian::laplacian_variance;
pub use reblur::{REBLUR_MAX_WIDTH, REBLUR_MIN_SIDE, reblur_sharpness};
pub use tenengrad::tenengrad;
pub use tiles::tiles;
