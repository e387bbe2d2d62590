use crate::convert::{array, at_least_one, mask_bytes, rows_of, value_error};
use crate::instruction_set::chosen;
use numpy::ndarray::Array2;
use numpy::{Ix1, Ix2, PyArray2, ToPyArray};
use photofinish_kernels::similarity::{self, Hit, NanRow};
use pyo3::prelude::*;

/// Row numbers and similarities, both (Q, k').
type Hits<'py> = (Bound<'py, PyArray2<i64>>, Bound<'py, PyArray2<f32>>);

#[pyfunction]
#[pyo3(signature = (queries, rows, k, *, mask = None, threads = 1))]
pub fn cosine_top_k<'py>(
    py: Python<'py>,
    queries: &Bound<'py, PyAny>,
    rows: &Bound<'py, PyAny>,
    k: i64,
    mask: Option<&Bound<'py, PyAny>>,
    threads: i64,
) -> PyResult<Hits<'py>> {
    let (k, threads) = (at_least_one("k", k)?, at_least_one("threads", threads)?);
    let queries = array::<f32, Ix2>("queries", queries, "(Q, D)")?;
    let queries = rows_of("queries", &queries)?;
    let rows = array::<f32, Ix2>("rows", rows, "(N, D)")?;
    let rows = rows_of("rows", &rows)?;
    let mask = mask.map(|mask| array::<bool, Ix1>("mask", mask, "(N,)")).transpose()?;
    let mask = mask.as_ref().map(|mask| mask_bytes("mask", mask, rows.count())).transpose()?;
    if queries.dim() != rows.dim() {
        let problem = format!("have {} numbers each, but queries {}", rows.dim(), queries.dim());
        return Err(value_error("rows", problem));
    }
    if let Some(query) = (0..queries.count()).find(|&query| queries.row(query).iter().any(|value| !value.is_finite())) {
        return Err(value_error("queries", format!("row {query} holds NaN or infinity")));
    }
    let isa = chosen();
    let hits = py
        .detach(|| similarity::cosine_top_k(isa, queries, rows, k, mask, threads))
        .map_err(|NanRow(row)| value_error("rows", format!("row {row} holds NaN or infinity")))?;
    Ok(to_arrays(py, &hits))
}

/// Every query has equally many hits, because the mask is the same for all.
fn to_arrays<'py>(py: Python<'py>, hits: &[Vec<Hit>]) -> Hits<'py> {
    let shape = (hits.len(), hits.first().map_or(0, Vec::len));
    let rows = Array2::from_shape_fn(shape, |(query, rank)| hits[query][rank].row as i64);
    let similarities = Array2::from_shape_fn(shape, |(query, rank)| hits[query][rank].similarity);
    (rows.to_pyarray(py), similarities.to_pyarray(py))
}
