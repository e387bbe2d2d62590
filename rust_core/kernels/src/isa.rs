//! Instruction sets, selected at run time.
//!
//! A kernel body is written once, in safe Rust over slices and small arrays, and compiled once per instruction set by
//! [`multiversion!`]; the compiler vectorises each copy. On aarch64, NEON is part of the baseline.

use std::sync::OnceLock;

/// An instruction set of this processor. The field is private, so a value proves that the set was detected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Isa(Level);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    /// Available on every processor of the target: SSE2 on x86-64, NEON on aarch64.
    Baseline,
    /// x86-64-v3: AVX2, FMA, F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 with VNNI: Ice Lake, Zen 4 and later.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// All instruction sets of this processor, from the baseline to the best.
    pub fn supported() -> &'static [Isa] {
        static SUPPORTED: OnceLock<Vec<Isa>> = OnceLock::new();
        SUPPORTED.get_or_init(|| {
            #[allow(unused_mut)]
            let mut found = vec![Isa(Level::Baseline)];
            #[cfg(target_arch = "x86_64")]
            {
                use std::arch::is_x86_feature_detected as has;
                let avx2 = has!("avx2") && has!("fma") && has!("f16c") && has!("bmi1") && has!("bmi2");
                let avx2 = avx2 && has!("lzcnt") && has!("popcnt");
                let avx512 = has!("avx512f") && has!("avx512bw") && has!("avx512cd") && has!("avx512dq");
                let avx512 = avx2 && avx512 && has!("avx512vl") && has!("avx512vnni");
                if avx2 {
                    found.push(Isa(Level::Avx2));
                }
                if avx512 {
                    found.push(Isa(Level::Avx512));
                }
            }
            found
        })
    }

    pub fn best() -> Isa {
        *Isa::supported().last().expect("the baseline is always supported")
    }

    /// `baseline`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }

    pub(crate) fn level(self) -> Level {
        self.0
    }
}

/// Defines `name(isa, args…)`, which runs `body(args…)` compiled for `isa`. The `match` in here is the only one that
/// selects an instruction set.
///
/// `body` must be `#[inline(always)]`, otherwise it is compiled once, for the baseline. Give three bodies
/// (`baseline, avx2, avx512`) where vector types or block sizes differ, and write `unsafe` before bodies that are
/// `unsafe fn` only because the processor must have their instruction set.
macro_rules! multiversion {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?
        = unsafe $baseline:expr, $avx2:expr, $avx512:expr;) => {
        multiversion! { $(#[$doc])* $vis fn $name($($arg: $ty),*) $(-> $ret)? =
            // SAFETY: each body is called only where its instruction set was detected, and needs nothing else.
            |$($arg),*| unsafe { ($baseline)($($arg),*) },
            // SAFETY: as above.
            |$($arg),*| unsafe { ($avx2)($($arg),*) },
            // SAFETY: as above.
            |$($arg),*| unsafe { ($avx512)($($arg),*) };
        }
    };
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? = $body:expr;) => {
        multiversion! { $(#[$doc])* $vis fn $name($($arg: $ty),*) $(-> $ret)? = $body, $body, $body; }
    };
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?
        = $baseline:expr, $avx2:expr, $avx512:expr;) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name(isa: $crate::Isa, $($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
            #[allow(clippy::too_many_arguments)]
            fn avx2($($arg: $ty),*) $(-> $ret)? {
                ($avx2)($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
            #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vnni")]
            #[allow(clippy::too_many_arguments)]
            fn avx512($($arg: $ty),*) $(-> $ret)? {
                ($avx512)($($arg),*)
            }
            match isa.level() {
                $crate::isa::Level::Baseline => ($baseline)($($arg),*),
                // SAFETY: an `Isa` of this level exists only if its features were detected (`Isa::supported`).
                #[cfg(target_arch = "x86_64")]
                $crate::isa::Level::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::isa::Level::Avx512 => unsafe { avx512($($arg),*) },
            }
        }
    };
}
pub(crate) use multiversion;
