use pyo3::prelude::*;
use pyo3::types::PyDict;

#[pyfunction]
pub fn confine(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let confinement = photofinish_confinement::confine();
    let in_force = PyDict::new(py);
    in_force.set_item("seccomp", confinement.seccomp)?;
    in_force.set_item("landlock", confinement.landlock)?;
    in_force.set_item("ends_with_parent", confinement.ends_with_parent)?;
    Ok(in_force)
}
