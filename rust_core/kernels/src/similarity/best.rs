//! The best `k` of a stream of scored rows.

use std::cmp::Ordering;

/// One answer of a search.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Hit {
    pub row: usize,
    pub similarity: f32,
}

impl Hit {
    /// Falling similarity, equal ones by rising row: `Less` means that `self` comes first.
    #[inline]
    pub fn order(&self, other: &Hit) -> Ordering {
        other.similarity.total_cmp(&self.similarity).then(self.row.cmp(&other.row))
    }
}

/// Keeps the best `k` hits in a heap whose root is the worst of them.
pub(super) struct Best {
    k: usize,
    heap: Vec<Hit>,
}

impl Best {
    pub fn new(k: usize) -> Self {
        Self { k, heap: Vec::with_capacity(k.min(1024)) }
    }

    /// Only a similarity above it can enter, as long as rows are offered in rising order. NaN is never above.
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

    pub fn offer(&mut self, hit: Hit) {
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
