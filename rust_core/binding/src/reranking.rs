use crate::convert::{array, at_least_one, check_finite, rows_of, slice, value_error};
use crate::instruction_set::selected;
use numpy::ndarray::Array2;
use numpy::{IntoPyArray, Ix1, Ix2, PyArray1, PyArray2};
use photofinish_kernels::reranking::{self, ComponentOutOfRange, KReciprocal};
use pyo3::prelude::*;

#[pyfunction]
#[pyo3(signature = (queries, candidates, *, k1 = 20, k2 = 6, lambda_ = 0.3, threads = 1))]
pub fn k_reciprocal_distances<'py>(
    py: Python<'py>,
    queries: &Bound<'py, PyAny>,
    candidates: &Bound<'py, PyAny>,
    k1: i64,
    k2: i64,
    lambda_: f32,
    threads: i64,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let settings = KReciprocal { k1: at_least_one("k1", k1)?, k2: at_least_one("k2", k2)?, lambda: lambda_ };
    let threads = at_least_one("threads", threads)?;
    if !(0.0..=1.0).contains(&lambda_) {
        return Err(value_error("lambda_", format!("must be from 0 to 1, got {lambda_}")));
    }
    let queries = array::<f32, Ix2>("queries", queries, "(Q, D)")?;
    let queries = rows_of("queries", &queries)?;
    let candidates = array::<f32, Ix2>("candidates", candidates, "(N, D)")?;
    let candidates = rows_of("candidates", &candidates)?;
    if candidates.dim() != queries.dim() {
        let (given, expected) = (candidates.dim(), queries.dim());
        return Err(value_error("candidates", format!("have {given} columns, but queries have {expected}")));
    }
    check_finite("queries", queries)?;
    check_finite("candidates", candidates)?;
    let isa = selected();
    let distances = py.detach(|| reranking::k_reciprocal(isa, queries, candidates, settings, threads));
    let shape = (queries.count(), candidates.count());
    Ok(Array2::from_shape_vec(shape, distances).expect("one distance for each pair").into_pyarray(py))
}

/// Scores and contributions.
type Scored<'py> = (Bound<'py, PyArray1<f32>>, Bound<'py, PyArray2<f32>>);

#[pyfunction]
pub fn hybrid_scores<'py>(
    py: Python<'py>,
    components: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
) -> PyResult<Scored<'py>> {
    let components = array::<f32, Ix2>("components", components, "(N, P)")?;
    let rows = rows_of("components", &components)?;
    let weights = array::<f32, Ix1>("weights", weights, "(P,)")?;
    let weights = slice("weights", &weights)?;
    if weights.len() != rows.dim() {
        return Err(value_error("weights", format!("has length {} for {} components", weights.len(), rows.dim())));
    }
    if let Some(weight) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
        return Err(value_error("weights", format!("must be finite and at least 0, got {weight}")));
    }
    let isa = selected();
    let scored = py.detach(|| reranking::hybrid_scores(isa, rows.values(), weights));
    let (scores, contributions) = scored.map_err(|ComponentOutOfRange(row)| {
        value_error("components", format!("must be from 0 to 1, but row {row} is {:?}", rows.row(row)))
    })?;
    let contributions =
        Array2::from_shape_vec((rows.count(), rows.dim()), contributions).expect("one for each component");
    Ok((PyArray1::from_vec(py, scores), contributions.into_pyarray(py)))
}
