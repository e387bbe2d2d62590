//! The number types of a table, and how they are loaded into vectors of `f32`.

use std::ops::Range;

use half::f16;

use crate::simd::{MAX_LANES, Vector};

/// A number type of a table: single or half precision. Dot products are summed in single precision.
pub trait Number: Copy + Sync {
    /// Whether loads cross cache lines in a table that starts at a multiple of 16 bytes, as NumPy's tables do.
    const CROSSES_LINES: bool;

    /// # Safety
    /// As for [`Vector::load`].
    unsafe fn load<V: Vector>(from: *const Self) -> V;

    /// # Safety
    /// As for [`Vector::load_lanes`].
    unsafe fn load_lanes<V: Vector>(from: *const Self, lanes: Range<usize>) -> V;

    /// The row in single precision: itself, or converted into `scratch`.
    ///
    /// # Safety
    /// The processor has the instruction set of `V`.
    unsafe fn widen<'a, V: Vector>(row: &'a [Self], scratch: &'a mut [f32]) -> &'a [f32];
}

impl Number for f32 {
    const CROSSES_LINES: bool = true;

    #[inline(always)]
    unsafe fn load<V: Vector>(from: *const f32) -> V {
        // SAFETY: the caller's guarantee.
        unsafe { V::load(from) }
    }

    #[inline(always)]
    unsafe fn load_lanes<V: Vector>(from: *const f32, lanes: Range<usize>) -> V {
        // SAFETY: the caller's guarantee.
        unsafe { V::load_lanes(from, lanes) }
    }

    #[inline(always)]
    unsafe fn widen<'a, V: Vector>(row: &'a [f32], _scratch: &'a mut [f32]) -> &'a [f32] {
        row
    }
}

impl Number for f16 {
    /// A load is eight numbers, which are 16 bytes.
    const CROSSES_LINES: bool = false;

    #[inline(always)]
    unsafe fn load<V: Vector>(from: *const f16) -> V {
        // SAFETY: the caller's guarantee.
        unsafe { V::load_f16(from) }
    }

    #[inline(always)]
    unsafe fn load_lanes<V: Vector>(from: *const f16, lanes: Range<usize>) -> V {
        let mut padded = [f16::ZERO; MAX_LANES];
        // SAFETY: the caller guarantees the numbers of `lanes`; no vector has more than `MAX_LANES`.
        unsafe {
            let (from, to) = (from.wrapping_add(lanes.start), padded.as_mut_ptr().add(lanes.start));
            std::ptr::copy_nonoverlapping(from, to, lanes.len());
            V::load_f16(padded.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn widen<'a, V: Vector>(row: &'a [f16], scratch: &'a mut [f32]) -> &'a [f32] {
        let dim = row.len();
        let scratch = &mut scratch[..dim];
        let whole = dim - dim % V::LANES;
        for start in (0..whole).step_by(V::LANES) {
            // SAFETY: both slices hold a whole vector from `start` on.
            unsafe { V::load_f16(row.as_ptr().add(start)).store(scratch.as_mut_ptr().add(start)) };
        }
        for i in whole..dim {
            scratch[i] = row[i].to_f32();
        }
        scratch
    }
}
