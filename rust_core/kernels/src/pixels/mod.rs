//! Turns a decoded image into model input.

mod align;
pub(crate) mod blend;
pub mod definition;
mod normalize;
mod prepare;
mod transform;
pub(crate) mod weights;

pub use align::align;
pub use normalize::{Normalize, Sample};
pub use prepare::{Fit, Placement, place, prepare};
pub use transform::SimilarityTransform;
