//! Which instruction set the kernels run on: the best one, unless a test or an operator says otherwise.

use crate::convert::value_error;
use photofinish_kernels::Isa;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Index into `Isa::supported()`, counted from the best.
static CHOSEN_FROM_BEST: AtomicUsize = AtomicUsize::new(0);

pub fn chosen() -> Isa {
    let supported = Isa::supported();
    supported[supported.len() - 1 - CHOSEN_FROM_BEST.load(Ordering::Relaxed)]
}

#[pyfunction]
pub fn instruction_sets() -> Vec<&'static str> {
    Isa::supported().iter().map(|isa| isa.name()).collect()
}

#[pyfunction]
pub fn instruction_set() -> &'static str {
    chosen().name()
}

#[pyfunction]
pub fn set_instruction_set(name: &str) -> PyResult<()> {
    let supported = Isa::supported();
    let position = supported.iter().rev().position(|isa| isa.name() == name).ok_or_else(|| {
        value_error("name", format!("this processor has no {name:?}, only {}", instruction_sets().join(", ")))
    })?;
    CHOSEN_FROM_BEST.store(position, Ordering::Relaxed);
    Ok(())
}
