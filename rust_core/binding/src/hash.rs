use crate::convert::{array, gray, slice, value_error};
use crate::instruction_set::chosen;
use crate::sharpness::map_pictures;
use numpy::{Ix1, Ix2, PyArray1};
use photofinish_kernels::hash;
use pyo3::prelude::*;

#[pyfunction]
pub fn perceptual_hash(py: Python<'_>, gray: &Bound<'_, PyAny>) -> PyResult<u64> {
    let picture = array::<u8, Ix2>("gray", gray, "(H, W)")?;
    let picture = self::gray("gray", &picture)?;
    let isa = chosen();
    Ok(py.detach(|| hash::perceptual_hash(isa, picture)))
}

#[pyfunction]
#[pyo3(signature = (grays, *, threads = 1))]
pub fn perceptual_hash_batch<'py>(
    py: Python<'py>,
    grays: &Bound<'py, PyAny>,
    threads: i64,
) -> PyResult<Bound<'py, PyArray1<u64>>> {
    let isa = chosen();
    let hashes = map_pictures(py, grays, threads, |_, _| Ok(()), |picture| hash::perceptual_hash(isa, picture))?;
    Ok(PyArray1::from_vec(py, hashes))
}

/// Query numbers, row numbers, distances.
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
    let isa = chosen();
    let near = py.detach(|| hash::hamming_search(isa, queries, hashes, limit));
    Ok((
        PyArray1::from_iter(py, near.iter().map(|pair| pair.query as i64)),
        PyArray1::from_iter(py, near.iter().map(|pair| pair.row as i64)),
        PyArray1::from_iter(py, near.iter().map(|pair| pair.distance as u8)),
    ))
}
