//! A process gives up what decoding a picture does not need, and cannot get it back.
//!
//! What the kernel offers differs: Linux has `seccomp` nearly everywhere and Landlock from 5.13 on, gVisor has only the
//! first, macOS neither. [`confine`] applies what is there and returns it.

#[cfg(all(target_os = "linux", target_endian = "little"))]
mod landlock_rules;
#[cfg(all(target_os = "linux", target_endian = "little"))]
mod system_calls;

/// What is in force after [`confine`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confinement {
    /// Every system call is refused but those that computing, memory and open pipes need.
    pub seccomp: bool,
    /// The version of Landlock that denies files, networks and signals; 0 where the kernel has none.
    pub landlock: u8,
    /// The kernel ends this process when the thread that started it ends.
    pub ends_with_parent: bool,
}

/// Confine the calling process, which must have only one thread.
///
/// From now on it computes, and reads and writes the files that it has open. It opens no file, socket or process.
#[cfg(all(target_os = "linux", target_endian = "little"))]
pub fn confine() -> Confinement {
    let ends_with_parent = end_with_parent();
    // Landlock needs system calls that the filter refuses.
    let landlock = landlock_rules::deny_all();
    Confinement { seccomp: system_calls::filter(), landlock, ends_with_parent }
}

#[cfg(not(all(target_os = "linux", target_endian = "little")))]
pub fn confine() -> Confinement {
    Confinement { seccomp: false, landlock: 0, ends_with_parent: false }
}

#[cfg(all(target_os = "linux", target_endian = "little"))]
fn end_with_parent() -> bool {
    // SAFETY: sets an attribute of this process; the arguments are numbers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) == 0 }
}
