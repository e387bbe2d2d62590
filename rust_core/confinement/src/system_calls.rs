use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};
use std::collections::BTreeMap;

/// Without any condition.
const ALLOWED: &[libc::c_long] = &[
    // files that are open: the pipes to the parent, and the shared memory
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_close,
    // memory
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // time
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    // threads, with which the decoders of HEIC and AVIF work; they begin with `clone`
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    // signals to itself, the end
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // questions about itself
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getrusage,
    libc::SYS_getrandom,
    libc::SYS_sched_getaffinity,
    libc::SYS_getcpu,
    libc::SYS_sysinfo,
];
/// New or changed memory must not hold code: `mmap` and `mprotect` are allowed without `PROT_EXEC`.
const WITHOUT_EXECUTION: &[libc::c_long] = &[libc::SYS_mmap, libc::SYS_mprotect];
const PROTECTION_ARGUMENT: u8 = 2;
/// `clone` may start a thread of this process, but no process and no namespace.
const CLONE_FLAGS: libc::c_int = libc::CLONE_THREAD
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;

/// Refuse, with EPERM, every system call that is not allowed here; returns whether the kernel does it.
pub fn filter() -> bool {
    let install = |program: BpfProgram| apply_filter_all_threads(&program);
    // In this order, since the second one refuses further filters.
    no_clone3().and_then(install).is_ok() && allowed_calls().and_then(install).is_ok()
}

fn allowed_calls() -> Result<BpfProgram, Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|&call| (call, vec![])).collect();
    for &call in WITHOUT_EXECUTION {
        rules.insert(call, vec![rule(PROTECTION_ARGUMENT, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0)?]);
    }
    let thread = SeccompCmpOp::MaskedEq(CLONE_FLAGS as u32 as u64);
    rules.insert(libc::SYS_clone, vec![rule(0, thread, libc::CLONE_THREAD as u64)?]);
    rules.insert(libc::SYS_clone3, vec![]); // for the other filter
    // Its own limits only: the first argument is the process.
    rules.insert(libc::SYS_prlimit64, vec![rule(0, SeccompCmpOp::Eq, 0)?]);
    compiled(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)
}

/// A filter cannot see the flags of `clone3`. The C library falls back to `clone` where the kernel lacks it.
fn no_clone3() -> Result<BpfProgram, Error> {
    let rules = BTreeMap::from([(libc::SYS_clone3, vec![])]);
    compiled(rules, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))
}

fn compiled(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    if_listed: SeccompAction,
) -> Result<BpfProgram, Error> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    Ok(BpfProgram::try_from(SeccompFilter::new(rules, otherwise, if_listed, architecture)?)?)
}

fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?])
}
