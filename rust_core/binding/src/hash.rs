use crate::convert::{array, gray, slice, value_error};
use crate::images::map_images;
use crate::instruction_set::selected;
use numpy::{Ix1, Ix2, PyArray1};
use photofinish_kernels::hash;
use pyo3::prelude::*;

#[pyfunction]
pub fn perceptual_hash(py: Python<'_>, gray: &Bound<'_, PyAny>) -> PyResult<u64> {
    let image = array::<u8, Ix2>("gray", gray, "(H, W)")?;
    let image = self::gray("gray", &image)?;
    let isa = selected();
    Ok(py.detach(|| hash::perceptual_hash(isa, image)))
}

#[pyfunction]
#[pyo3(signature = (grays, *, threads = 1))]
pub fn perceptual_hash_batch<'py>(
    py: Python<'py>,
    grays: &Bound<'py, PyAny>,
    threads: i64,
) -> PyResult<Bound<'py, PyArray1<u64>>> {
    let isa = selected();
    let hashes = map_images(py, grays, threads, |_, _| Ok(()), |image| hash::perceptual_hash(isa, image))?;
    Ok(PyArray1::from_vec(py, hashes))
}

/// Query indices, row indices and distances.
type Pairs<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<u8>>);

#[pyfunction]
pub fn hamming_search<'py>(
    py: Python<'py>,
    queries: &Bound<'py, PyAny>,
    hashes: &Bound<'py, PyAny>,
    max_distance: i64,
) -> PyResult<Pairs<'py>> {
    let queries = array::<u64, Ix1>("queries", queries, "(Q,)")?;
    let queries = slice("queries", &queries)?;
    let hashes = array::<u64, Ix1>("hashes", hashes, "(N,)")?;
    let hashes = slice("hashes", &hashes)?;
    let limit = u32::try_from(max_distance).ok().filter(|limit| *limit <= 64);
    let limit =
        limit.ok_or_else(|| value_error("max_distance", format!("must be from 0 to 64, got {max_distance}")))?;
    let isa = selected();
    let matches = py.detach(|| hash::hamming_search(isa, queries, hashes, limit));
    Ok((
        PyArray1::from_iter(py, matches.iter().map(|found| found.query as i64)),
        PyArray1::from_iter(py, matches.iter().map(|found| found.row as i64)),
        PyArray1::from_iter(py, matches.iter().map(|found| found.distance as u8)),
    ))
}
