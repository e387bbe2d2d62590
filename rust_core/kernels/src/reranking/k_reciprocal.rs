//! Re-ranking by k-reciprocal neighbours, in the terms of [`super::definition::k_reciprocal`].

use super::distinct_sets::DistinctSets;
use super::encoding::{Encoding, encode};
use super::neighbours::{Pool, neighbours, similarities};
use crate::isa::Isa;
use crate::parallel;
use crate::similarity::Rows;

/// Parameters of k-reciprocal encoding; the paper uses 20, 6 and 0.3.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct KReciprocal {
    /// Neighbours to consider, at least 1.
    pub k1: usize,
    /// Encodings to average, including the row's own, at least 1.
    pub k2: usize,
    /// The share of the cosine distance in the result.
    pub lambda: f32,
}

/// Distances, one row per query and one column per candidate: [`super::definition::k_reciprocal`]. Results do not
/// depend on `threads`.
///
/// # Panics
/// If queries and candidates differ in `dim`, or `k1` or `k2` is 0.
pub fn k_reciprocal(isa: Isa, queries: Rows, candidates: Rows, settings: KReciprocal, threads: usize) -> Vec<f32> {
    let KReciprocal { k1, k2, lambda } = settings;
    assert_eq!(queries.dim(), candidates.dim(), "queries and candidates have the same dim");
    assert!(k1 > 0 && k2 > 0, "at least one neighbour");
    let pool = Pool { first: queries, second: candidates };
    let threads = parallel::worthwhile(threads, pool.count() * pool.count() * queries.dim());
    let neighbours = neighbours(isa, pool, k1.max(k2 - 1), threads);
    let encodings = encode(isa, pool, &neighbours, k1, threads);
    let closest = |row: usize| std::iter::once(row).chain(neighbours[row].nearest(k2 - 1).map(|hit| hit.row)).collect();
    let closest = DistinctSets::new((0..pool.count()).map(closest));
    let jaccard = jaccard_distances(&encodings, &closest, queries.count());
    let candidate_rows: Vec<&[f32]> = (0..candidates.count()).map(|row| candidates.row(row)).collect();
    let cosine = (0..queries.count()).flat_map(|query| similarities(isa, queries.row(query), &candidate_rows));
    jaccard
        .into_iter()
        .zip(cosine)
        .map(|(jaccard, cosine)| (1.0 - lambda) * jaccard + lambda * (1.0 - cosine))
        .collect()
}

/// The Jaccard distances of the first `queries` rows to each of the others. The vector of a row is the mean of the
/// encodings of its `closest` rows.
fn jaccard_distances(encodings: &[Encoding], closest: &DistinctSets, queries: usize) -> Vec<f32> {
    let count = encodings.len();
    let mut query_vectors = vec![vec![0f32; count]; queries];
    // Rows to which no query gives weight contribute nothing in common.
    let mut matters = vec![false; count];
    for (query, vector) in query_vectors.iter_mut().enumerate() {
        each_share(encodings, &closest.sets[closest.index_of_row[query]], |row, weight| {
            vector[row] += weight;
            matters[row] = true;
        });
    }
    let (mut vector, mut touched) = (vec![0f32; count], Vec::new());
    let mut distances_of_set = Vec::with_capacity(queries * closest.sets.len());
    for members in &closest.sets {
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
            // Each vector has sum 1, so Σ max is 2 - Σ min.
            distances_of_set.push(1.0 - common / (2.0 - common));
        }
        touched.drain(..).for_each(|row| vector[row] = 0.0);
    }
    let pairs = (0..queries).flat_map(|query| (queries..count).map(move |candidate| (query, candidate)));
    pairs.map(|(query, candidate)| distances_of_set[queries * closest.index_of_row[candidate] + query]).collect()
}

/// Calls `add` with rows and weights; the sum of all weights of a row is the mean of the members' encodings.
#[inline(always)]
fn each_share(encodings: &[Encoding], members: &[usize], mut add: impl FnMut(usize, f32)) {
    let share = 1.0 / members.len() as f32;
    for &(row, weight) in members.iter().flat_map(|&member| &encodings[member]) {
        add(row, share * weight);
    }
}
