//! Better ranking of what a search found: by shared neighbours, or by a weighted sum of several scores.

pub mod definition;
mod distinct_sets;
mod encoding;
mod hybrid;
mod k_reciprocal;
mod neighbours;

pub use hybrid::{ComponentOutOfRange, hybrid_scores};
pub use k_reciprocal::{KReciprocal, k_reciprocal};
