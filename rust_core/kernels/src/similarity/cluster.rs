//! Clustering of rows by similarity, with pairs that must not be in one cluster.

use super::dot_tile::{Interleaved, MAX_WIDTH, any_above, dot_tile, to_array};
use super::rows::Rows;
use crate::isa::{Isa, multiversion};
use crate::simd::{self, Vector};

/// A pair of similar rows, `a` < `b`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Edge {
    pub a: usize,
    pub b: usize,
    pub similarity: f32,
}

/// A label for each row, with clusters numbered by their first rows: [`super::definition::cluster`].
///
/// # Panics
/// If `cannot_link` holds a row number outside the table.
pub fn cluster(isa: Isa, rows: Rows, threshold: f32, cannot_link: &[(usize, usize)]) -> Vec<usize> {
    let mut edges = edges(isa, rows, threshold);
    edges.sort_unstable_by(|x, y| y.similarity.total_cmp(&x.similarity).then((x.a, x.b).cmp(&(y.a, y.b))));
    let mut forest = Forest::new(rows.count(), cannot_link);
    for edge in edges {
        forest.merge(edge.a, edge.b);
    }
    forest.labels()
}

multiversion! {
    /// The pairs whose dot product is `threshold` or more.
    fn edges(rows: Rows, threshold: f32) -> Vec<Edge> = unsafe
        edges_body::<simd::F32x4, 2, 4>, edges_body::<simd::F32x8, 2, 6>, edges_body::<simd::F32x16, 2, 8>;
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn edges_body<V: Vector, const VECTORS: usize, const ROWS: usize>(rows: Rows, threshold: f32) -> Vec<Edge> {
    let (count, width) = (rows.count(), VECTORS * V::LANES);
    let mut edges = Vec::new();
    for first in (0..count).step_by(width) {
        let group: Vec<&[f32]> = (first..count.min(first + width)).map(|row| rows.row(row)).collect();
        let interleaved = Interleaved::new(&group, width);
        // Equal to the threshold is enough; columns without a row never are.
        let limits: [f32; MAX_WIDTH] =
            std::array::from_fn(|column| if column < group.len() { threshold.next_down() } else { f32::INFINITY });
        for start in (first..count).step_by(ROWS) {
            let tile = std::array::from_fn(|i| rows.row((start + i).min(count - 1)));
            // SAFETY: the caller guarantees the instruction set.
            let sums = unsafe { dot_tile::<V, VECTORS, ROWS>(&interleaved, tile) };
            for (b, sums) in (start..count).zip(&sums) {
                // SAFETY: as above.
                if unsafe { any_above(sums, &limits) } {
                    // SAFETY: as above.
                    let similarities = unsafe { to_array(sums) };
                    for (a, &similarity) in (first..b.min(first + group.len())).zip(&similarities) {
                        if similarity >= threshold {
                            edges.push(Edge { a, b, similarity });
                        }
                    }
                }
            }
        }
    }
    edges
}

/// Union-find with pairs that must not be in one cluster.
struct Forest {
    parent: Vec<usize>,
    /// For each root, the rows that must not be in its cluster.
    excluded: Vec<Vec<usize>>,
}

impl Forest {
    fn new(count: usize, cannot_link: &[(usize, usize)]) -> Self {
        let mut excluded = vec![Vec::new(); count];
        for &(a, b) in cannot_link {
            excluded[a].push(b);
            excluded[b].push(a);
        }
        Self { parent: (0..count).collect(), excluded }
    }

    fn root(&mut self, mut row: usize) -> usize {
        while self.parent[row] != row {
            self.parent[row] = self.parent[self.parent[row]];
            row = self.parent[row];
        }
        row
    }

    /// Joins the clusters of `a` and `b`, unless the union would contain a pair that must not be linked.
    fn merge(&mut self, a: usize, b: usize) {
        let (mut child, mut parent) = (self.root(a), self.root(b));
        if child == parent {
            return;
        }
        if self.excluded[child].len() > self.excluded[parent].len() {
            std::mem::swap(&mut child, &mut parent);
        }
        // Exclusion is mutual, so checking the shorter list is enough.
        let excluded = std::mem::take(&mut self.excluded[child]);
        if excluded.iter().any(|&row| self.root(row) == parent) {
            self.excluded[child] = excluded;
            return;
        }
        self.excluded[parent].extend(excluded);
        self.parent[child] = parent;
    }

    fn labels(mut self) -> Vec<usize> {
        let mut label_of_root = vec![usize::MAX; self.parent.len()];
        let mut next = 0;
        (0..self.parent.len())
            .map(|row| {
                let root = self.root(row);
                if label_of_root[root] == usize::MAX {
                    label_of_root[root] = next;
                    next += 1;
                }
                label_of_root[root]
            })
            .collect()
    }
}
