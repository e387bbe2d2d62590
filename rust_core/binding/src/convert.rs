//! Borrows Python objects as Rust views, without copying. Errors name the argument.

use numpy::{Element, PyArray, PyReadonlyArray, PyReadwriteArray, PyUntypedArray, PyUntypedArrayMethods, dtype};
use numpy::{PyArrayMethods, ndarray::Dimension};
use photofinish_kernels::similarity::Rows;
use photofinish_kernels::{Color, Gray};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use std::fmt::Display;

pub fn value_error(name: impl Display + Copy, problem: impl Display) -> PyErr {
    PyValueError::new_err(format!("{name}: {problem}"))
}

/// A readable array of exactly this type and number of axes; `shape` describes the expected shape in error messages.
pub fn array<'py, T: Element, D: Dimension>(
    name: impl Display + Copy,
    object: &Bound<'py, PyAny>,
    shape: &str,
) -> PyResult<PyReadonlyArray<'py, T, D>> {
    typed(name, object, shape)?.try_readonly().map_err(|error| value_error(name, error))
}

/// As `array`, but writable and C-contiguous.
pub fn writable<'py, T: Element, D: Dimension>(
    name: impl Display + Copy,
    object: &Bound<'py, PyAny>,
    shape: &str,
) -> PyResult<PyReadwriteArray<'py, T, D>> {
    let array = typed::<T, D>(name, object, shape)?;
    if !array.is_c_contiguous() {
        return Err(value_error(name, "must be C-contiguous"));
    }
    array.try_readwrite().map_err(|error| value_error(name, error))
}

pub fn typed<'a, 'py, T: Element, D: Dimension>(
    name: impl Display + Copy,
    object: &'a Bound<'py, PyAny>,
    shape: &str,
) -> PyResult<&'a Bound<'py, PyArray<T, D>>> {
    let untyped = object.cast::<PyUntypedArray>().map_err(|_| {
        let given = object.get_type().name().map_or_else(|_| "another type".into(), |name| name.to_string());
        PyTypeError::new_err(format!("{name}: expected a NumPy array, got {given}"))
    })?;
    let typed = object.cast::<PyArray<T, D>>().map_err(|_| {
        let (expected, given) = (dtype::<T>(object.py()), untyped.dtype());
        value_error(name, format!("expected {expected} of shape {shape}, got {given} of shape {:?}", untyped.shape()))
    })?;
    if !untyped.is_aligned() {
        return Err(value_error(name, "the array's memory is not aligned"));
    }
    Ok(typed)
}

/// A C-contiguous array as one slice.
pub fn slice<'a, T: Element, D: Dimension>(
    name: impl Display + Copy,
    array: &'a PyReadonlyArray<'_, T, D>,
) -> PyResult<&'a [T]> {
    if !array.is_c_contiguous() {
        return Err(value_error(name, "must be C-contiguous; pass numpy.ascontiguousarray(…)"));
    }
    array.as_slice().map_err(|error| value_error(name, error))
}

/// A (H, W) image. Rows may be strided (a crop of a larger image), but the pixels of a row must be contiguous.
pub fn gray<'a>(name: impl Display + Copy, array: &'a PyReadonlyArray<'_, u8, numpy::Ix2>) -> PyResult<Gray<'a>> {
    let (shape, strides) = (array.shape(), array.strides());
    view(name, array.data(), [shape[0], shape[1]], [strides[0], strides[1]])
}

/// The images of a (N, H, W) array.
pub fn gray_stack<'a>(
    name: impl Display + Copy,
    array: &'a PyReadonlyArray<'_, u8, numpy::Ix3>,
) -> PyResult<Vec<Gray<'a>>> {
    let (shape, strides) = (array.shape(), array.strides());
    (0..shape[0])
        .map(|i| {
            let start = array.data().wrapping_offset(i as isize * strides[0]);
            view(name, start, [shape[1], shape[2]], [strides[1], strides[2]])
        })
        .collect()
}

/// `data` points to an array of this shape, with these strides in bytes, that outlives `'a`.
fn view<'a>(
    name: impl Display + Copy,
    data: *const u8,
    [height, width]: [usize; 2],
    strides: [isize; 2],
) -> PyResult<Gray<'a>> {
    if height == 0 || width == 0 {
        return Err(value_error(name, format!("is empty: shape ({height}, {width})")));
    }
    let pixels_touch = strides[1] == 1 || width == 1;
    let rows_follow = strides[0] >= width as isize || height == 1;
    if !pixels_touch || !rows_follow {
        return Err(value_error(name, "the pixels of a row must be contiguous; pass numpy.ascontiguousarray(…)"));
    }
    let stride = if height == 1 { width } else { strides[0] as usize };
    // SAFETY: NumPy guarantees that element (height-1, width-1), the last byte of the slice, is in the array's memory.
    // Row addresses are ascending, so everything before it is too. The borrow of the array keeps the memory alive.
    let bytes = unsafe { std::slice::from_raw_parts(data, (height - 1) * stride + width) };
    Ok(Gray::new(bytes, width, height, stride).expect("checked above"))
}

/// A (H, W, 3) image. Rows may be strided, but the bytes of a row must be contiguous.
pub fn color<'a>(name: impl Display + Copy, array: &'a PyReadonlyArray<'_, u8, numpy::Ix3>) -> PyResult<Color<'a>> {
    let (shape, strides) = (array.shape(), array.strides());
    if shape[2] != 3 {
        return Err(value_error(name, format!("expected three channels, (H, W, 3), got {shape:?}")));
    }
    if strides[2] != 1 || (strides[1] != 3 && shape[1] > 1) {
        return Err(value_error(name, "the bytes of a row must be contiguous; pass numpy.ascontiguousarray(…)"));
    }
    let bytes = view(name, array.data(), [shape[0], 3 * shape[1]], [strides[0], 1])?;
    Ok(bytes.into_color().expect("three bytes a pixel"))
}

/// A C-contiguous (N, D) table with D of at least 1.
pub fn rows_of<'a, T: Element>(
    name: impl Display + Copy,
    array: &'a PyReadonlyArray<'_, T, numpy::Ix2>,
) -> PyResult<Rows<'a, T>> {
    let dim = array.shape()[1];
    Rows::new(slice(name, array)?, dim).ok_or_else(|| value_error(name, "rows have length 0 (D = 0)"))
}

pub fn check_finite(name: &str, rows: Rows) -> PyResult<()> {
    // A fold is vectorised; `all` is not, because it stops early.
    let is_finite = |row: &[f32]| row.iter().fold(true, |all, value| all & value.is_finite());
    match (0..rows.count()).find(|&row| !is_finite(rows.row(row))) {
        Some(row) => Err(value_error(name, format!("row {row} contains NaN or infinity"))),
        None => Ok(()),
    }
}

/// The rows of a C-contiguous (N, 4) array of left, top, right and bottom.
pub fn boxes_of<'a, T: Element>(array: &'a PyReadonlyArray<'_, T, numpy::Ix2>) -> PyResult<&'a [[T; 4]]> {
    let columns = array.shape()[1];
    if columns != 4 {
        return Err(value_error("boxes", format!("must have 4 columns (left, top, right, bottom), got {columns}")));
    }
    Ok(slice("boxes", array)?.as_chunks().0)
}

/// A contiguous array of `count` booleans as bytes, nonzero for true: NumPy does not guarantee that a bool is 0 or 1.
pub fn mask_bytes<'a>(
    name: impl Display + Copy,
    array: &'a PyReadonlyArray<'_, bool, numpy::Ix1>,
    count: usize,
) -> PyResult<&'a [u8]> {
    if array.len() != count {
        return Err(value_error(name, format!("has length {} for {count} rows", array.len())));
    }
    if !array.is_c_contiguous() {
        return Err(value_error(name, "must be C-contiguous; pass numpy.ascontiguousarray(…)"));
    }
    // SAFETY: the array is `count` contiguous one-byte elements, kept alive by the borrow.
    Ok(unsafe { std::slice::from_raw_parts(array.data().cast::<u8>(), count) })
}

pub fn at_least_one(name: impl Display + Copy, value: i64) -> PyResult<usize> {
    usize::try_from(value)
        .ok()
        .filter(|&value| value >= 1)
        .ok_or_else(|| value_error(name, format!("must be at least 1, got {value}")))
}
