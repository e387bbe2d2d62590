use crate::convert::{array, at_least_one, gray, gray_stack};
use numpy::{Ix2, Ix3, PyReadonlyArray, PyUntypedArray, PyUntypedArrayMethods};
use photofinish_kernels::{Gray, parallel};
use pyo3::prelude::*;

/// Applies `f` to each image of a sequence or of a (N, H, W) stack. `check` may reject an image, using the given name.
pub fn map_images<R: Send>(
    py: Python<'_>,
    images: &Bound<'_, PyAny>,
    threads: i64,
    check: impl Fn(std::fmt::Arguments, &Gray) -> PyResult<()>,
    f: impl Fn(Gray) -> R + Sync,
) -> PyResult<Vec<R>> {
    let threads = at_least_one("threads", threads)?;
    let run = |views: &[Gray]| {
        for (i, view) in views.iter().enumerate() {
            check(format_args!("grays[{i}]"), view)?;
        }
        Ok(py.detach(|| parallel::map(views, threads, |view| f(*view))))
    };
    if images.cast::<PyUntypedArray>().is_ok_and(|stack| stack.ndim() == 3) {
        let stack = array::<u8, Ix3>("grays", images, "(N, H, W)")?;
        return run(&gray_stack("grays", &stack)?);
    }
    let items: Vec<Bound<'_, PyAny>> = images.try_iter()?.collect::<PyResult<_>>()?;
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
    run(&views)
}
