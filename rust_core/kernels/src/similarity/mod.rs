//! Search, and clustering, of row vectors by cosine similarity.

mod best;
mod cluster;
pub mod definition;
pub(crate) mod dot_rows;
pub(crate) mod dot_tile;
mod each_query;
mod int8;
mod number;
mod parallel_search;
mod query_groups;
mod rows;
mod top_k;

pub use best::{Hit, NanRow};
pub use cluster::cluster;
pub use each_query::ScoreRows;
pub use half::f16;
pub use int8::{Codes, cosine_top_k_int8, quantize};
pub use rows::Rows;
pub use top_k::cosine_top_k;
