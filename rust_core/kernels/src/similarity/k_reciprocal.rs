//! Re-ranking by who is whose neighbour, in the words of [`super::definition::k_reciprocal`].

use super::encoding::{Encoding, encode};
use super::neighbours::{Neighbours, Pool, neighbours, similarities};
use super::parts::WORK_PER_THREAD;
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

/// [`super::definition::k_reciprocal`]: one row of distances per query, one column per candidate. The same whatever
/// `threads` is.
///
/// # Panics
/// When queries and candidates differ in `dim`, or `k1` or `k2` is 0.
pub fn k_reciprocal(isa: Isa, queries: Rows, candidates: Rows, settings: KReciprocal, threads: usize) -> Vec<f32> {
    let KReciprocal { k1, k2, lambda } = settings;
    assert_eq!(queries.dim(), candidates.dim(), "queries and candidates have one length");
    assert!(k1 > 0 && k2 > 0, "at least one neighbour");
    let pool = Pool { first: queries, second: candidates };
    let threads = threads.clamp(1, pool.count() * pool.count() * queries.dim() / WORK_PER_THREAD + 1);
    let neighbours = neighbours(isa, pool, k1.max(k2 - 1), threads);
    let encodings = encode(isa, pool, &neighbours, k1, threads);
    let expansion = Expansion { neighbours: &neighbours, encodings: &encodings, k2 };
    let jaccard = jaccard_distances(&expansion, queries.count());
    let candidate_rows: Vec<&[f32]> = (0..candidates.count()).map(|row| candidates.row(row)).collect();
    let cosine = (0..queries.count()).flat_map(|query| similarities(isa, queries.row(query), &candidate_rows));
    jaccard
        .into_iter()
        .zip(cosine)
        .map(|(jaccard, cosine)| (1.0 - lambda) * jaccard + lambda * (1.0 - cosine))
        .collect()
}

/// The encodings averaged over the nearest.
struct Expansion<'a> {
    neighbours: &'a [Neighbours],
    encodings: &'a [Encoding],
    k2: usize,
}

impl Expansion<'_> {
    /// Calls `add` with numbers of rows that add up to the row's vector.
    #[inline(always)]
    fn each(&self, row: usize, mut add: impl FnMut(usize, f32)) {
        let nearest = || self.neighbours[row].nearest(self.k2 - 1).map(|near| near.row);
        let share = 1.0 / (1 + nearest().count()) as f32;
        for member in std::iter::once(row).chain(nearest()) {
            self.encodings[member].iter().for_each(|&(other, weight)| add(other, share * weight));
        }
    }
}

/// Of each of the first `queries` rows to each of the others.
fn jaccard_distances(expansion: &Expansion, queries: usize) -> Vec<f32> {
    let count = expansion.neighbours.len();
    let mut query_vectors = vec![vec![0f32; count]; queries];
    // Where a query has nothing, a candidate has nothing in common with it.
    let mut matters = vec![false; count];
    for (query, vector) in query_vectors.iter_mut().enumerate() {
        expansion.each(query, |row, weight| {
            vector[row] += weight;
            matters[row] = true;
        });
    }
    let mut distances = vec![1.0; queries * (count - queries)];
    let (mut vector, mut touched) = (vec![0f32; count], Vec::new());
    for candidate in 0..count - queries {
        expansion.each(queries + candidate, |row, weight| {
            if matters[row] {
                if vector[row] == 0.0 {
                    touched.push(row);
                }
                vector[row] += weight;
            }
        });
        for (query, query_vector) in query_vectors.iter().enumerate() {
            let common: f32 = touched.iter().map(|&row| vector[row].min(query_vector[row])).sum();
            // Each vector has sum 1, so the larger numbers add up to what the smaller ones leave of 2.
            distances[query * (count - queries) + candidate] = 1.0 - common / (2.0 - common);
        }
        touched.drain(..).for_each(|row| vector[row] = 0.0);
    }
    distances
}
