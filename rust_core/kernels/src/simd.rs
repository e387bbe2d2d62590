//! Vectors of `f32`, one type per instruction set, for the few loops that the compiler does not vectorise well.
//!
//! Every method is `#[inline(always)]`, so inside a function compiled for the vector's instruction set (see
//! [`crate::isa::multiversion`]) it becomes a single instruction or a few.

use std::ops::Range;

use half::f16;

/// No vector has more lanes.
pub const MAX_LANES: usize = 16;

/// # Safety
/// For all methods: the processor has the vector's instruction set, which an [`crate::Isa`] proves, and pointers are
/// valid for all numbers that are read or written (alignment is not required).
pub trait Vector: Copy {
    const LANES: usize;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    /// Loads `LANES` half-precision numbers and converts them.
    unsafe fn load_f16(from: *const f16) -> Self;
    /// Loads only these lanes of the vector at `from`; the other lanes are zero.
    unsafe fn load_lanes(from: *const f32, lanes: Range<usize>) -> Self;
    /// `self * other + sum`
    unsafe fn multiply_add(self, other: Self, sum: Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    /// The sum of the lanes of each vector. Lanes half a vector apart are added first, then a quarter, and so on.
    unsafe fn sum_four(vectors: [Self; 4]) -> [f32; 4];
    /// Whether any lane is above its limit, or NaN.
    unsafe fn any_above(self, limit: Self) -> bool;
    unsafe fn store(self, to: *mut f32);
}

/// The baseline: SSE2 and NEON both have four lanes. Without a fused instruction, multiply and add are two steps.
#[derive(Clone, Copy)]
pub struct F32x4([f32; 4]);

impl Vector for F32x4 {
    const LANES: usize = 4;
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        F32x4([value; 4])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller guarantees four readable numbers.
        F32x4(unsafe { from.cast::<[f32; 4]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn load_f16(from: *const f16) -> Self {
        // SAFETY: the caller guarantees four readable numbers.
        F32x4(unsafe { from.cast::<[f16; 4]>().read_unaligned() }.map(f16::to_f32))
    }
    #[inline(always)]
    unsafe fn load_lanes(from: *const f32, lanes: Range<usize>) -> Self {
        // SAFETY: the caller guarantees that the numbers of `lanes` are readable.
        let number = |lane| unsafe { *from.wrapping_add(lane) };
        F32x4(std::array::from_fn(|lane| if lanes.contains(&lane) { number(lane) } else { 0.0 }))
    }
    #[inline(always)]
    unsafe fn multiply_add(self, other: Self, sum: Self) -> Self {
        F32x4(std::array::from_fn(|lane| {
            if cfg!(target_arch = "aarch64") {
                self.0[lane].mul_add(other.0[lane], sum.0[lane])
            } else {
                self.0[lane] * other.0[lane] + sum.0[lane]
            }
        }))
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        F32x4(std::array::from_fn(|lane| self.0[lane] + other.0[lane]))
    }
    #[inline(always)]
    unsafe fn sum_four(vectors: [Self; 4]) -> [f32; 4] {
        vectors.map(|vector| (vector.0[0] + vector.0[2]) + (vector.0[1] + vector.0[3]))
    }
    #[inline(always)]
    unsafe fn any_above(self, limit: Self) -> bool {
        let at_most = |lane: usize| self.0[lane] <= limit.0[lane];
        !(at_most(0) & at_most(1) & at_most(2) & at_most(3))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller guarantees four writable numbers.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(self.0) }
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{F32x8, F32x16};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Vector;
    use half::f16;
    use std::arch::x86_64::*;
    use std::ops::Range;

    /// AVX2 with FMA.
    #[derive(Clone, Copy)]
    pub struct F32x8(__m256);

    // SAFETY of every block: callers guarantee the instruction set and the pointers (see the trait).
    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Vector for F32x8 {
        const LANES: usize = 8;
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            F32x8(unsafe { _mm256_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            F32x8(unsafe { _mm256_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn load_f16(from: *const f16) -> Self {
            F32x8(unsafe { _mm256_cvtph_ps(_mm_loadu_si128(from.cast())) })
        }
        #[inline(always)]
        unsafe fn load_lanes(from: *const f32, lanes: Range<usize>) -> Self {
            unsafe {
                let all = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
                let before = _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes.start as i32), all);
                let until = _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes.end as i32), all);
                F32x8(_mm256_maskload_ps(from, _mm256_andnot_si256(before, until)))
            }
        }
        #[inline(always)]
        unsafe fn multiply_add(self, other: Self, sum: Self) -> Self {
            F32x8(unsafe { _mm256_fmadd_ps(self.0, other.0, sum.0) })
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            F32x8(unsafe { _mm256_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn sum_four(vectors: [Self; 4]) -> [f32; 4] {
            unsafe {
                let [a, b, c, d] = vectors.map(|vector| vector.0);
                // Add lanes 4 apart: the lower half holds a (c), the upper half b (d).
                let ab = _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b));
                let cd = _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(c, d), _mm256_permute2f128_ps::<0x31>(c, d));
                // Then lanes 2 apart: a, a, c, c | b, b, d, d; then 1 apart: a, c, a, c | b, d, b, d.
                let (low, high) =
                    (_mm256_shuffle_ps::<0b01_00_01_00>(ab, cd), _mm256_shuffle_ps::<0b11_10_11_10>(ab, cd));
                let pairs = _mm256_add_ps(low, high);
                let (even, odd) = (
                    _mm256_shuffle_ps::<0b10_00_10_00>(pairs, pairs),
                    _mm256_shuffle_ps::<0b11_01_11_01>(pairs, pairs),
                );
                let ones = _mm256_add_ps(even, odd);
                let sums = _mm_unpacklo_ps(_mm256_castps256_ps128(ones), _mm256_extractf128_ps::<1>(ones));
                let mut four = [0f32; 4];
                _mm_storeu_ps(four.as_mut_ptr(), sums);
                four
            }
        }
        #[inline(always)]
        unsafe fn any_above(self, limit: Self) -> bool {
            unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(self.0, limit.0)) != 0 }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm256_storeu_ps(to, self.0) }
        }
    }

    /// AVX-512.
    #[derive(Clone, Copy)]
    pub struct F32x16(__m512);

    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Vector for F32x16 {
        const LANES: usize = 16;
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            F32x16(unsafe { _mm512_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            F32x16(unsafe { _mm512_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn load_f16(from: *const f16) -> Self {
            F32x16(unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) })
        }
        #[inline(always)]
        unsafe fn load_lanes(from: *const f32, lanes: Range<usize>) -> Self {
            let mask = (1u32 << lanes.end) - (1 << lanes.start);
            F32x16(unsafe { _mm512_maskz_loadu_ps(mask as u16, from) })
        }
        #[inline(always)]
        unsafe fn multiply_add(self, other: Self, sum: Self) -> Self {
            F32x16(unsafe { _mm512_fmadd_ps(self.0, other.0, sum.0) })
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            F32x16(unsafe { _mm512_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn sum_four(vectors: [Self; 4]) -> [f32; 4] {
            unsafe {
                F32x8::sum_four(vectors.map(|F32x16(all)| {
                    F32x8(_mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps::<1>(all)))
                }))
            }
        }
        #[inline(always)]
        unsafe fn any_above(self, limit: Self) -> bool {
            unsafe { _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(self.0, limit.0) != 0 }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm512_storeu_ps(to, self.0) }
        }
    }
}
