//! The best `k` of a stream of scored rows.

use std::cmp::Ordering;

/// One result of a search.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Hit {
    pub row: usize,
    pub similarity: f32,
}

impl Hit {
    /// Descending similarity, then ascending row: `Less` means that `self` comes first.
    #[inline]
    pub fn order(&self, other: &Hit) -> Ordering {
        other.similarity.total_cmp(&self.similarity).then(self.row.cmp(&other.row))
    }
}

/// The similarity of this row to a query is not a number, because the row or the query holds NaN or infinity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NanRow(pub usize);

/// The best `k` hits so far, in a heap whose root is the worst of them.
pub struct Best {
    k: usize,
    heap: Vec<Hit>,
}

impl Best {
    pub fn new(k: usize) -> Self {
        Self { k, heap: Vec::with_capacity(k.min(1024)) }
    }

    /// Only hits above this similarity can enter, if rows are inserted in ascending order. NaN is not above it.
    #[inline(always)]
    pub fn threshold(&self) -> f32 {
        if self.k == 0 {
            f32::INFINITY
        } else if self.heap.len() < self.k {
            f32::NEG_INFINITY
        } else {
            self.heap[0].similarity
        }
    }

    /// Inserts a hit whose similarity is not at or below the threshold, which is also true of NaN.
    #[cold]
    pub fn insert_unless_nan(&mut self, hit: Hit) -> Result<(), NanRow> {
        if hit.similarity.is_nan() {
            return Err(NanRow(hit.row));
        }
        self.insert(hit);
        Ok(())
    }

    pub fn insert(&mut self, hit: Hit) {
        if self.heap.len() < self.k {
            self.heap.push(hit);
            self.sift_up();
        } else if self.k > 0 && hit.order(&self.heap[0]).is_lt() {
            self.heap[0] = hit;
            self.sift_down();
        }
    }

    /// The hits, best first.
    pub fn into_sorted(mut self) -> Vec<Hit> {
        self.heap.sort_unstable_by(Hit::order);
        self.heap
    }

    fn sift_up(&mut self) {
        let mut child = self.heap.len() - 1;
        while child > 0 {
            let parent = (child - 1) / 2;
            if self.heap[child].order(&self.heap[parent]).is_le() {
                break;
            }
            self.heap.swap(child, parent);
            child = parent;
        }
    }

    fn sift_down(&mut self) {
        let mut parent = 0;
        loop {
            let (left, right) = (2 * parent + 1, 2 * parent + 2);
            let mut worst = parent;
            for child in [left, right] {
                if child < self.heap.len() && self.heap[child].order(&self.heap[worst]).is_gt() {
                    worst = child;
                }
            }
            if worst == parent {
                return;
            }
            self.heap.swap(parent, worst);
            parent = worst;
        }
    }
}
