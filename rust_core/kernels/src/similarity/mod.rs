//! Which rows are closest to a query?

mod best;
mod cluster;
pub mod definition;
mod dot;
mod encoding;
mod few;
mod hybrid;
mod int8;
mod k_reciprocal;
mod many;
mod neighbours;
mod parts;
mod rows;
mod sets;
mod top_k;

pub use best::Hit;
pub use cluster::cluster;
pub use half::f16;
pub use hybrid::{PartOutside, hybrid_scores};
pub use int8::{Codes, cosine_top_k_int8, quantize};
pub use k_reciprocal::{KReciprocal, k_reciprocal};
pub use rows::{Number, Rows};
pub use top_k::{NanRow, cosine_top_k};
