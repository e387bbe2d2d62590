//! Which rows are of one cluster, when some pairs are known not to be.

use super::dot::{self, Packed};
use super::many::{MAX_WIDTH, any_above, to_array};
use super::rows::Rows;
use crate::isa::{Isa, multiversion};
#[cfg(target_arch = "x86_64")]
use crate::simd;
use crate::simd::{Four, Vector};

/// A pair of rows, the smaller number first.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Edge {
    pub a: usize,
    pub b: usize,
    pub similarity: f32,
}

/// A label per row, clusters numbered by their first rows: [`super::definition::cluster`] over the pairs whose dot
/// product is `threshold` or more.
///
/// # Panics
/// When `cannot_link` names a row that is not there.
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
    fn edges(rows: Rows, threshold: f32) -> Vec<Edge> =
        // SAFETY: the baseline is always there.
        |rows, threshold| unsafe { edges_body::<Four, 2, 4>(rows, threshold) },
        // SAFETY: compiled for AVX2 and FMA, and called only where they were detected.
        |rows, threshold| unsafe { edges_body::<simd::Eight, 2, 6>(rows, threshold) },
        // SAFETY: the same with AVX-512.
        |rows, threshold| unsafe { edges_body::<simd::Sixteen, 2, 8>(rows, threshold) };
}

/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
unsafe fn edges_body<V: Vector, const VECTORS: usize, const ROWS: usize>(rows: Rows, threshold: f32) -> Vec<Edge> {
    let (count, width) = (rows.count(), VECTORS * V::LANES);
    let mut edges = Vec::new();
    for first in (0..count).step_by(width) {
        let group: Vec<&[f32]> = (first..count.min(first + width)).map(|row| rows.row(row)).collect();
        let packed = Packed::new(&group, width);
        // At the threshold is enough; columns without a row never are.
        let limits: [f32; MAX_WIDTH] =
            std::array::from_fn(|column| if column < group.len() { threshold.next_down() } else { f32::INFINITY });
        for start in (first..count).step_by(ROWS) {
            let some = std::array::from_fn(|i| rows.row((start + i).min(count - 1)));
            // SAFETY: the caller vouches for the instruction set.
            let sums = unsafe { dot::many_queries::<V, VECTORS, ROWS>(&packed, some) };
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

/// Union-find whose clusters know whom they must not join.
struct Forest {
    parent: Vec<usize>,
    /// Of a root: the rows that no row of its cluster may be with.
    enemies: Vec<Vec<usize>>,
}

impl Forest {
    fn new(count: usize, cannot_link: &[(usize, usize)]) -> Self {
        let mut enemies = vec![Vec::new(); count];
        for &(a, b) in cannot_link {
            enemies[a].push(b);
            enemies[b].push(a);
        }
        Self { parent: (0..count).collect(), enemies }
    }

    fn root(&mut self, mut row: usize) -> usize {
        while self.parent[row] != row {
            self.parent[row] = self.parent[self.parent[row]];
            row = self.parent[row];
        }
        row
    }

    /// Does nothing where the union would hold a pair that cannot be linked.
    fn merge(&mut self, a: usize, b: usize) {
        let (mut few, mut many) = (self.root(a), self.root(b));
        if few == many {
            return;
        }
        if self.enemies[few].len() > self.enemies[many].len() {
            std::mem::swap(&mut few, &mut many);
        }
        // Enmity is mutual, so one side's list is enough.
        let enemies = std::mem::take(&mut self.enemies[few]);
        if enemies.iter().any(|&enemy| self.root(enemy) == many) {
            self.enemies[few] = enemies;
            return;
        }
        self.enemies[many].extend(enemies);
        self.parent[few] = many;
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
