use std::ops::Range;

use half::f16;

use super::dot::{LINE, Query};
use crate::simd::Vector;

/// A table of row vectors, `dim` numbers each, one after another. `dim` is at least 1.
#[derive(Clone, Copy)]
pub struct Rows<'a, E = f32> {
    values: &'a [E],
    dim: usize,
}

impl<'a, E> Rows<'a, E> {
    /// `None` when `dim` is 0 or does not divide the length of `values`.
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

    /// Some rows that lie one after another.
    pub(super) fn block(&self, rows: Range<usize>) -> Self {
        Self { values: &self.values[rows.start * self.dim..rows.end * self.dim], dim: self.dim }
    }

    #[inline(always)]
    pub fn row(&self, row: usize) -> &'a [E] {
        &self.values[row * self.dim..][..self.dim]
    }
}

impl<E: Number> Rows<'_, E> {
    /// How a [`Query`] for these rows is to be shifted.
    pub(super) fn shift(&self) -> usize {
        let can_be = E::CROSSES_LINES && self.dim.is_multiple_of(2 * LINE);
        if can_be { self.values.as_ptr().addr() / size_of::<E>() % LINE } else { 0 }
    }
}

/// What a row may be made of: single or half precision. Sums are in single precision.
pub trait Number: Copy + Sync + sealed::Load {}

impl Number for f32 {}
impl Number for f16 {}

#[allow(private_bounds, private_interfaces)]
pub(super) mod sealed {
    use super::*;
    use crate::Isa;
    use crate::similarity::best::Best;
    use crate::similarity::top_k::NanRow;
    use crate::similarity::{few, many};

    pub trait Load: Sized {
        /// Whether reads cross cache lines where NumPy begins tables, at multiples of 16 bytes.
        const CROSSES_LINES: bool;

        fn search_many(
            isa: Isa,
            queries: Rows,
            rows: Rows<Self>,
            k: usize,
            mask: Option<&[u8]>,
            part: Range<usize>,
        ) -> Result<Vec<Best>, NanRow>;

        /// The dot product of a query with each row.
        fn score_block(isa: Isa, query: &Query, rows: Rows<Self>, scores: &mut [f32]);

        /// The same with the rows `ids`.
        fn score_some(isa: Isa, query: &Query, rows: Rows<Self>, ids: &[usize], scores: &mut [f32]);

        /// # Safety
        /// As [`Vector::load`].
        unsafe fn load<V: Vector>(from: *const Self) -> V;

        /// # Safety
        /// As [`Vector::load_lanes`].
        unsafe fn load_lanes<V: Vector>(from: *const Self, lanes: Range<usize>) -> V;

        /// The row in single precision: itself, or written into `scratch`.
        ///
        /// # Safety
        /// The processor has the instruction set of `V`.
        unsafe fn widen<'a, V: Vector>(row: &'a [Self], scratch: &'a mut [f32]) -> &'a [f32];
    }

    impl Load for f32 {
        const CROSSES_LINES: bool = true;

        fn search_many(
            isa: Isa,
            queries: Rows,
            rows: Rows<f32>,
            k: usize,
            mask: Option<&[u8]>,
            part: Range<usize>,
        ) -> Result<Vec<Best>, NanRow> {
            many::search_single(isa, queries, rows, k, mask, part)
        }

        fn score_block(isa: Isa, query: &Query, rows: Rows<f32>, scores: &mut [f32]) {
            few::block_single(isa, query, rows, scores)
        }

        fn score_some(isa: Isa, query: &Query, rows: Rows<f32>, ids: &[usize], scores: &mut [f32]) {
            few::some_single(isa, query, rows, ids, scores)
        }

        #[inline(always)]
        unsafe fn load<V: Vector>(from: *const f32) -> V {
            // SAFETY: passed on.
            unsafe { V::load(from) }
        }

        #[inline(always)]
        unsafe fn load_lanes<V: Vector>(from: *const f32, lanes: Range<usize>) -> V {
            // SAFETY: passed on.
            unsafe { V::load_lanes(from, lanes) }
        }

        #[inline(always)]
        unsafe fn widen<'a, V: Vector>(row: &'a [f32], _scratch: &'a mut [f32]) -> &'a [f32] {
            row
        }
    }

    impl Load for f16 {
        /// Eight halves are 16 bytes.
        const CROSSES_LINES: bool = false;

        fn search_many(
            isa: Isa,
            queries: Rows,
            rows: Rows<f16>,
            k: usize,
            mask: Option<&[u8]>,
            part: Range<usize>,
        ) -> Result<Vec<Best>, NanRow> {
            many::search_half(isa, queries, rows, k, mask, part)
        }

        fn score_block(isa: Isa, query: &Query, rows: Rows<f16>, scores: &mut [f32]) {
            few::block_half(isa, query, rows, scores)
        }

        fn score_some(isa: Isa, query: &Query, rows: Rows<f16>, ids: &[usize], scores: &mut [f32]) {
            few::some_half(isa, query, rows, ids, scores)
        }

        #[inline(always)]
        unsafe fn load<V: Vector>(from: *const f16) -> V {
            // SAFETY: passed on.
            unsafe { V::load_half(from) }
        }

        #[inline(always)]
        unsafe fn load_lanes<V: Vector>(from: *const f16, lanes: Range<usize>) -> V {
            let mut some = [f16::ZERO; LINE];
            // SAFETY: the caller vouches for the numbers of `lanes`; no vector has more lanes than a line has numbers.
            unsafe {
                let (from, to) = (from.wrapping_add(lanes.start), some.as_mut_ptr().add(lanes.start));
                std::ptr::copy_nonoverlapping(from, to, lanes.len());
                V::load_half(some.as_ptr())
            }
        }

        #[inline(always)]
        unsafe fn widen<'a, V: Vector>(row: &'a [f16], scratch: &'a mut [f32]) -> &'a [f32] {
            let dim = row.len();
            let scratch = &mut scratch[..dim];
            let whole = dim - dim % V::LANES;
            for start in (0..whole).step_by(V::LANES) {
                // SAFETY: a whole vector from `start` on lies in both slices.
                unsafe { V::load_half(row.as_ptr().add(start)).store(scratch.as_mut_ptr().add(start)) };
            }
            for i in whole..dim {
                scratch[i] = row[i].to_f32();
            }
            scratch
        }
    }
}
