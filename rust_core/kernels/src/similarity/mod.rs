//! Which rows are closest to a query?

mod best;
pub mod definition;
mod dot;
mod top_k;

pub use best::Hit;
pub use top_k::{NanRow, Rows, cosine_top_k};
