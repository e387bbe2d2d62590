//! Re-ranking by who is whose neighbour among the candidates.

use super::definition;
use super::rows::Rows;
use crate::isa::Isa;

/// How k-reciprocal encoding is done; the numbers of the paper are 20, 6 and 0.3.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct KReciprocal {
    /// Neighbours that are looked at, at least 1.
    pub k1: usize,
    /// Rows whose encodings are averaged, itself among them, at least 1.
    pub k2: usize,
    /// The share of the original distance in the result.
    pub lambda: f32,
}

/// [`definition::k_reciprocal`]: one row of distances per query, one column per candidate.
///
/// # Panics
/// When queries and candidates differ in `dim`, or `k1` or `k2` is 0.
pub fn k_reciprocal(_isa: Isa, queries: Rows, candidates: Rows, settings: KReciprocal, _threads: usize) -> Vec<f32> {
    let KReciprocal { k1, k2, lambda } = settings;
    assert_eq!(queries.dim(), candidates.dim(), "queries and candidates have one length");
    assert!(k1 > 0 && k2 > 0, "at least one neighbour");
    definition::k_reciprocal(queries.values(), candidates.values(), queries.dim(), k1, k2, lambda)
}
