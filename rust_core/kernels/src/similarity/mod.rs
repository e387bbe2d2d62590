//! Which rows are closest to a query?

mod best;
mod cluster;
pub mod definition;
mod dot;
mod int8;
mod parts;
mod rows;
mod top_k;

pub use best::Hit;
pub use cluster::cluster;
pub use half::f16;
pub use int8::{Codes, cosine_top_k_int8, quantize};
pub use rows::{Number, Rows};
pub use top_k::{NanRow, cosine_top_k};
