//! From a decoded picture to what a model wants, in one go.

mod align;
pub(crate) mod blend;
pub mod definition;
mod normalize;
mod prepare;
pub(crate) mod weights;

pub use align::{Similarity, align, similarity};
pub use normalize::{Normalize, Sample};
pub use prepare::{Fit, Placement, place, prepare};
