use crate::convert::{array, at_least_one, gray, gray_stack, value_error};
use crate::instruction_set::chosen;
use numpy::{Ix2, Ix3, PyArray1, PyReadonlyArray, PyUntypedArray, PyUntypedArrayMethods};
use photofinish_kernels::sharpness::{self, REBLUR_MIN_SIDE};
use photofinish_kernels::{Gray, Isa, parallel};
use pyo3::prelude::*;
use std::fmt::Display;

type Measure = fn(Isa, Gray) -> f64;

#[pyfunction]
pub fn laplacian_variance(py: Python<'_>, gray: &Bound<'_, PyAny>) -> PyResult<f64> {
    one(py, gray, sharpness::laplacian_variance, 1)
}

#[pyfunction]
#[pyo3(signature = (grays, *, threads = 1))]
pub fn laplacian_variance_batch<'py>(
    py: Python<'py>,
    grays: &Bound<'py, PyAny>,
    threads: i64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    batch(py, grays, sharpness::laplacian_variance, 1, threads)
}

#[pyfunction]
pub fn reblur_sharpness(py: Python<'_>, gray: &Bound<'_, PyAny>) -> PyResult<f64> {
    one(py, gray, sharpness::reblur_sharpness, REBLUR_MIN_SIDE)
}

#[pyfunction]
#[pyo3(signature = (grays, *, threads = 1))]
pub fn reblur_sharpness_batch<'py>(
    py: Python<'py>,
    grays: &Bound<'py, PyAny>,
    threads: i64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    batch(py, grays, sharpness::reblur_sharpness, REBLUR_MIN_SIDE, threads)
}

fn one(py: Python<'_>, picture: &Bound<'_, PyAny>, measure: Measure, min_side: usize) -> PyResult<f64> {
    let picture = array::<u8, Ix2>("gray", picture, "(H, W)")?;
    let picture = gray("gray", &picture)?;
    check_sides("gray", &picture, min_side)?;
    let isa = chosen();
    Ok(py.detach(|| measure(isa, picture)))
}

fn batch<'py>(
    py: Python<'py>,
    pictures: &Bound<'py, PyAny>,
    measure: Measure,
    min_side: usize,
    threads: i64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let threads = at_least_one("threads", threads)?;
    if pictures.cast::<PyUntypedArray>().is_ok_and(|stack| stack.ndim() == 3) {
        let stack = array::<u8, Ix3>("grays", pictures, "(N, H, W)")?;
        let views = gray_stack("grays", &stack)?;
        return measure_all(py, &views, measure, min_side, threads);
    }
    let items: Vec<Bound<'py, PyAny>> = pictures.try_iter()?.collect::<PyResult<_>>()?;
    let borrowed = items
        .iter()
        .enumerate()
        .map(|(i, item)| array::<u8, Ix2>(format_args!("grays[{i}]"), item, "(H, W)"))
        .collect::<PyResult<Vec<PyReadonlyArray<u8, Ix2>>>>()?;
    let views = borrowed
        .iter()
        .enumerate()
        .map(|(i, item)| gray(format_args!("grays[{i}]"), item))
        .collect::<PyResult<Vec<_>>>()?;
    measure_all(py, &views, measure, min_side, threads)
}

fn measure_all<'py>(
    py: Python<'py>,
    views: &[Gray<'_>],
    measure: Measure,
    min_side: usize,
    threads: usize,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    for (i, view) in views.iter().enumerate() {
        check_sides(format_args!("grays[{i}]"), view, min_side)?;
    }
    let isa = chosen();
    let values = py.detach(|| parallel::map(views, threads, |view| measure(isa, *view)));
    Ok(PyArray1::from_vec(py, values))
}

fn check_sides(name: impl Display + Copy, view: &Gray, min_side: usize) -> PyResult<()> {
    if view.width().min(view.height()) < min_side {
        let size = format!("({}, {})", view.height(), view.width());
        return Err(value_error(name, format!("needs at least {min_side}×{min_side} pixels, got {size}")));
    }
    Ok(())
}
