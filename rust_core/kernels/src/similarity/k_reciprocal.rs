//! Re-ranking by who is whose neighbour, in the words of [`super::definition::k_reciprocal`].

use super::encoding::{Encoding, encode};
use super::neighbours::{Pool, neighbours, similarities};
use super::parts::WORK_PER_THREAD;
use super::rows::Rows;
use super::sets::Sets;
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
    let closest =
        |row: usize| std::iter::once(row).chain(neighbours[row].nearest(k2 - 1).map(|near| near.row)).collect();
    let closest = Sets::new((0..pool.count()).map(closest));
    let jaccard = jaccard_distances(&encodings, &closest, queries.count());
    let candidate_rows: Vec<&[f32]> = (0..candidates.count()).map(|row| candidates.row(row)).collect();
    let cosine = (0..queries.count()).flat_map(|query| similarities(isa, queries.row(query), &candidate_rows));
    jaccard
        .into_iter()
        .zip(cosine)
        .map(|(jaccard, cosine)| (1.0 - lambda) * jaccard + lambda * (1.0 - cosine))
        .collect()
}

/// Of each of the first `queries` rows to each of the others; a row's vector is the mean of the encodings of its `closest`.
fn jaccard_distances(encodings: &[Encoding], closest: &Sets, queries: usize) -> Vec<f32> {
    let count = encodings.len();
    let mut query_vectors = vec![vec![0f32; count]; queries];
    // Where no query has anything, nothing is in common.
    let mut matters = vec![false; count];
    for (query, vector) in query_vectors.iter_mut().enumerate() {
        each_share(encodings, &closest.distinct[closest.number_of[query]], |row, weight| {
            vector[row] += weight;
            matters[row] = true;
        });
    }
    let (mut vector, mut touched) = (vec![0f32; count], Vec::new());
    let mut distances_of_set = Vec::with_capacity(queries * closest.distinct.len());
    for members in &closest.distinct {
        each_share(encodings, members, |row, weight| {
            if matters[row] {
                if vector[row] == 0.0 {
                    touched.push(row);
                }
                vector[row] += weight;
            }
        });
        for query in &query_vectors {
            let common: f32 = touched.iter().map(|&row| vector[row].min(query[row])).sum();
            // Each vector has sum 1, so the larger numbers add up to what the smaller ones leave of 2.
            distances_of_set.push(1.0 - common / (2.0 - common));
        }
        touched.drain(..).for_each(|row| vector[row] = 0.0);
    }
    let pairs = (0..queries).flat_map(|query| (queries..count).map(move |candidate| (query, candidate)));
    pairs.map(|(query, candidate)| distances_of_set[queries * closest.number_of[candidate] + query]).collect()
}

/// Calls `add` with rows and weights that add up to the mean of the members' encodings.
#[inline(always)]
fn each_share(encodings: &[Encoding], members: &[usize], mut add: impl FnMut(usize, f32)) {
    let share = 1.0 / members.len() as f32;
    for &(row, weight) in members.iter().flat_map(|&member| &encodings[member]) {
        add(row, share * weight);
    }
}
