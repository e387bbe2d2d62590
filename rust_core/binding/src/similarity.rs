use crate::convert::{array, at_least_one, check_finite, mask_bytes, rows_of, slice, value_error};
use crate::instruction_set::selected;
use numpy::ndarray::Array2;
use numpy::{Ix1, Ix2, PyArray1, PyArray2, PyReadonlyArray, PyUntypedArray, PyUntypedArrayMethods, ToPyArray};
use photofinish_kernels::similarity::{self, Codes, Hit, NanRow, Rows, f16};
use pyo3::prelude::*;

/// Row indices and similarities, both (Q, k').
type Hits<'py> = (Bound<'py, PyArray2<i64>>, Bound<'py, PyArray2<f32>>);

/// A (N, D) table of either precision.
enum Table<'py> {
    Single(PyReadonlyArray<'py, f32, Ix2>),
    Half(PyReadonlyArray<'py, f16, Ix2>),
}

impl<'py> Table<'py> {
    fn borrow(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let is_half = object.cast::<PyUntypedArray>().is_ok_and(|table| {
            numpy::PyArrayDescrMethods::is_equiv_to(&table.dtype(), &numpy::dtype::<f16>(table.py()))
        });
        if is_half {
            return Ok(Table::Half(array("rows", object, "(N, D)")?));
        }
        Ok(Table::Single(array("rows", object, "(N, D)")?))
    }

    fn shape(&self) -> (usize, usize) {
        let shape = match self {
            Table::Single(table) => table.shape(),
            Table::Half(table) => table.shape(),
        };
        (shape[0], shape[1])
    }
}

/// Evaluates `$search` with the rows of a table of either precision.
macro_rules! with_rows {
    ($table:expr, |$rows:ident| $search:expr) => {
        match $table {
            Table::Single(table) => {
                let $rows = rows_of("rows", table)?;
                $search
            }
            Table::Half(table) => {
                let $rows = rows_of("rows", table)?;
                $search
            }
        }
    };
}

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
    let table = Table::borrow(rows)?;
    check_queries(queries, table.shape().1)?;
    let mask = mask.map(|mask| array::<bool, Ix1>("mask", mask, "(N,)")).transpose()?;
    let mask = mask.as_ref().map(|mask| mask_bytes("mask", mask, table.shape().0)).transpose()?;
    let isa = selected();
    to_arrays(
        py,
        with_rows!(&table, |rows| py.detach(|| similarity::cosine_top_k(isa, queries, rows, k, mask, threads))),
    )
}

#[pyfunction]
#[pyo3(signature = (queries, codes, scales, rows, k, *, mask = None, threads = 1))]
#[allow(clippy::too_many_arguments)]
pub fn cosine_top_k_int8<'py>(
    py: Python<'py>,
    queries: &Bound<'py, PyAny>,
    codes: &Bound<'py, PyAny>,
    scales: &Bound<'py, PyAny>,
    rows: &Bound<'py, PyAny>,
    k: i64,
    mask: Option<&Bound<'py, PyAny>>,
    threads: i64,
) -> PyResult<Hits<'py>> {
    let (k, threads) = (at_least_one("k", k)?, at_least_one("threads", threads)?);
    let queries = array::<f32, Ix2>("queries", queries, "(Q, D)")?;
    let queries = rows_of("queries", &queries)?;
    let table = Table::borrow(rows)?;
    let (count, dim) = table.shape();
    check_queries(queries, dim)?;
    let codes = array::<i8, Ix2>("codes", codes, "(N, D)")?;
    if codes.shape() != [count, dim] {
        return Err(value_error("codes", format!("have shape {:?}, but rows have ({count}, {dim})", codes.shape())));
    }
    let scales = array::<f32, Ix1>("scales", scales, "(N,)")?;
    let scales = slice("scales", &scales)?;
    let codes = Codes::new(rows_of("codes", &codes)?, scales)
        .ok_or_else(|| value_error("scales", format!("has length {} for {count} rows", scales.len())))?;
    let mask = mask.map(|mask| array::<bool, Ix1>("mask", mask, "(N,)")).transpose()?;
    let mask = mask.as_ref().map(|mask| mask_bytes("mask", mask, count)).transpose()?;
    let isa = selected();
    to_arrays(
        py,
        with_rows!(&table, |rows| py
            .detach(|| similarity::cosine_top_k_int8(isa, queries, codes, rows, k, mask, threads))),
    )
}

/// Codes and scales.
type Quantized<'py> = (Bound<'py, PyArray2<i8>>, Bound<'py, PyArray1<f32>>);

#[pyfunction]
pub fn quantize_rows<'py>(py: Python<'py>, rows: &Bound<'py, PyAny>) -> PyResult<Quantized<'py>> {
    let rows = array::<f32, Ix2>("rows", rows, "(N, D)")?;
    let rows = rows_of("rows", &rows)?;
    check_finite("rows", rows)?;
    let (count, dim) = (rows.count(), rows.dim());
    let (codes, scales) = py.detach(|| {
        let mut codes = vec![0i8; count * dim];
        let quantize = |(row, codes)| similarity::quantize(rows.row(row), codes);
        let scales: Vec<f32> = codes.chunks_exact_mut(dim).enumerate().map(quantize).collect();
        (Array2::from_shape_vec((count, dim), codes), scales)
    });
    Ok((codes.expect("count rows of dim codes").to_pyarray(py), PyArray1::from_vec(py, scales)))
}

#[pyfunction]
#[pyo3(signature = (rows, *, threshold, cannot_link = None))]
pub fn cluster_rows<'py>(
    py: Python<'py>,
    rows: &Bound<'py, PyAny>,
    threshold: f32,
    cannot_link: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let rows = array::<f32, Ix2>("rows", rows, "(N, D)")?;
    let rows = rows_of("rows", &rows)?;
    check_finite("rows", rows)?;
    if !threshold.is_finite() {
        return Err(value_error("threshold", format!("must be a finite number, got {threshold}")));
    }
    let pairs = cannot_link.map(|pairs| array::<i64, Ix2>("cannot_link", pairs, "(C, 2)")).transpose()?;
    let pairs = pairs.as_ref().map_or_else(|| Ok(Vec::new()), |pairs| pairs_of(pairs, rows.count()))?;
    let isa = selected();
    let labels = py.detach(|| similarity::cluster(isa, rows, threshold, &pairs));
    Ok(PyArray1::from_iter(py, labels.into_iter().map(|label| label as i64)))
}

/// Pairs of two different row indices below `count`.
fn pairs_of(pairs: &PyReadonlyArray<'_, i64, Ix2>, count: usize) -> PyResult<Vec<(usize, usize)>> {
    if pairs.shape()[1] != 2 {
        return Err(value_error("cannot_link", format!("must have 2 columns, got {}", pairs.shape()[1])));
    }
    let row = |index: i64| usize::try_from(index).ok().filter(|row| *row < count);
    let pair = |(index, pair): (usize, &[i64])| match (row(pair[0]), row(pair[1])) {
        (Some(a), Some(b)) if a != b => Ok((a, b)),
        _ => Err(value_error(
            "cannot_link",
            format!("pair {index} must be two different row indices below {count}, got {pair:?}"),
        )),
    };
    slice("cannot_link", pairs)?.chunks_exact(2).enumerate().map(pair).collect()
}

fn check_queries(queries: Rows, dim: usize) -> PyResult<()> {
    if queries.dim() != dim {
        return Err(value_error("rows", format!("have {dim} columns, but queries have {}", queries.dim())));
    }
    check_finite("queries", queries)
}

/// All queries have the same number of hits, because they share the mask.
fn to_arrays(py: Python<'_>, hits: Result<Vec<Vec<Hit>>, NanRow>) -> PyResult<Hits<'_>> {
    let hits = hits.map_err(|NanRow(row)| value_error("rows", format!("row {row} contains NaN or infinity")))?;
    let shape = (hits.len(), hits.first().map_or(0, Vec::len));
    let rows = Array2::from_shape_fn(shape, |(query, rank)| hits[query][rank].row as i64);
    let similarities = Array2::from_shape_fn(shape, |(query, rank)| hits[query][rank].similarity);
    Ok((rows.to_pyarray(py), similarities.to_pyarray(py)))
}
