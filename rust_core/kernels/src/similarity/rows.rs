use std::ops::Range;

/// A table of row vectors of `dim` numbers each, stored one after another. `dim` is at least 1.
#[derive(Clone, Copy)]
pub struct Rows<'a, E = f32> {
    values: &'a [E],
    dim: usize,
}

impl<'a, E> Rows<'a, E> {
    /// `None` if `dim` is 0 or does not divide the length of `values`.
    pub fn new(values: &'a [E], dim: usize) -> Option<Self> {
        (dim > 0 && values.len().is_multiple_of(dim)).then_some(Self { values, dim })
    }

    pub fn count(&self) -> usize {
        self.values.len() / self.dim
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    pub fn values(&self) -> &'a [E] {
        self.values
    }

    #[inline(always)]
    pub fn row(&self, row: usize) -> &'a [E] {
        &self.values[row * self.dim..][..self.dim]
    }

    /// The table of these rows only.
    pub(super) fn slice(&self, rows: Range<usize>) -> Self {
        Self { values: &self.values[rows.start * self.dim..rows.end * self.dim], dim: self.dim }
    }
}
