use crate::convert::{array, at_least_one, boxes_of, value_error, writable};
use crate::instruction_set::selected;
use numpy::{Ix2, Ix3, PyUntypedArrayMethods};
use photofinish_kernels::redaction::{self, Region, Shape, Style};
use pyo3::prelude::*;

#[pyfunction]
#[pyo3(signature = (image, boxes, *, sigma, shape = "ellipse", feather = 0.0))]
pub fn redact_blur(
    py: Python<'_>,
    image: &Bound<'_, PyAny>,
    boxes: &Bound<'_, PyAny>,
    sigma: f32,
    shape: &str,
    feather: f32,
) -> PyResult<()> {
    if !(sigma.is_finite() && sigma > 0.0) {
        return Err(value_error("sigma", format!("must be finite and above 0, got {sigma}")));
    }
    redact(py, image, boxes, Style::Blur { sigma }, shape, feather)
}

#[pyfunction]
#[pyo3(signature = (image, boxes, *, block, shape = "ellipse", feather = 0.0))]
pub fn redact_pixelate(
    py: Python<'_>,
    image: &Bound<'_, PyAny>,
    boxes: &Bound<'_, PyAny>,
    block: i64,
    shape: &str,
    feather: f32,
) -> PyResult<()> {
    let block = at_least_one("block", block)?;
    redact(py, image, boxes, Style::Pixelate { block }, shape, feather)
}

fn redact(
    py: Python<'_>,
    image: &Bound<'_, PyAny>,
    boxes: &Bound<'_, PyAny>,
    style: Style,
    shape: &str,
    feather: f32,
) -> PyResult<()> {
    let shape = match shape {
        "ellipse" => Shape::Ellipse,
        "rectangle" => Shape::Rectangle,
        _ => return Err(value_error("shape", format!("must be ellipse or rectangle, got {shape:?}"))),
    };
    if !(feather.is_finite() && feather >= 0.0) {
        return Err(value_error("feather", format!("must be finite and at least 0, got {feather}")));
    }
    let boxes = array::<f32, Ix2>("boxes", boxes, "(N, 4)")?;
    let regions = boxes_of(&boxes)?
        .iter()
        .enumerate()
        .map(|(i, &[left, top, right, bottom])| {
            if ![left, top, right, bottom].iter().all(|edge| edge.is_finite()) {
                return Err(value_error(format_args!("boxes[{i}]"), "contains NaN or infinity"));
            }
            Ok(Region { left, top, right, bottom, shape })
        })
        .collect::<PyResult<Vec<_>>>()?;
    let mut image = writable::<u8, Ix3>("image", image, "(H, W, 3)")?;
    let [height, width, channels] = image.shape().try_into().expect("three axes");
    if channels != 3 {
        return Err(value_error("image", format!("expected three channels, (H, W, 3), got {:?}", image.shape())));
    }
    let pixels = image.as_slice_mut().map_err(|error| value_error("image", error))?;
    let isa = selected();
    py.detach(|| redaction::redact(isa, pixels, width, height, &regions, style, feather));
    Ok(())
}
