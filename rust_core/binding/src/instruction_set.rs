//! The instruction set that the kernels use: the best one, unless a test or an operator sets another.

use crate::convert::value_error;
use photofinish_kernels::Isa;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Index into `Isa::supported()`, counted from the best.
static SELECTED: AtomicUsize = AtomicUsize::new(0);

pub fn selected() -> Isa {
    let supported = Isa::supported();
    supported[supported.len() - 1 - SELECTED.load(Ordering::Relaxed)]
}

#[pyfunction]
pub fn instruction_sets() -> Vec<&'static str> {
    Isa::supported().iter().map(|isa| isa.name()).collect()
}

#[pyfunction]
pub fn instruction_set() -> &'static str {
    selected().name()
}

#[pyfunction]
pub fn set_instruction_set(name: &str) -> PyResult<()> {
    let supported = Isa::supported();
    let position = supported.iter().rev().position(|isa| isa.name() == name).ok_or_else(|| {
        value_error("name", format!("this processor does not support {name:?}, only {}", instruction_sets().join(", ")))
    })?;
    SELECTED.store(position, Ordering::Relaxed);
    Ok(())
}
