use crate::convert::{self, array, color, slice, typed, value_error};
use crate::instruction_set::selected;
use numpy::ndarray::Array3;
use numpy::{Ix2, Ix3, Ix4, PyArray3, PyReadwriteArray, PyUntypedArrayMethods, ToPyArray};
use photofinish_kernels::pixels::{self, Fit, Normalize, Sample, SimilarityTransform};
use photofinish_kernels::{Color, Isa};
use pyo3::prelude::*;

/// A batch of either type, borrowed for writing.
enum Batch<'py> {
    Float(PyReadwriteArray<'py, f32, Ix4>),
    Byte(PyReadwriteArray<'py, u8, Ix4>),
}

impl<'py> Batch<'py> {
    fn borrow(object: &Bound<'py, PyAny>, shape: &str) -> PyResult<Self> {
        if typed::<u8, Ix4>("batch", object, shape).is_ok() {
            Ok(Batch::Byte(convert::writable("batch", object, shape)?))
        } else {
            Ok(Batch::Float(convert::writable("batch", object, shape)?))
        }
    }

    fn shape(&self) -> [usize; 4] {
        let shape = match self {
            Batch::Float(batch) => batch.shape(),
            Batch::Byte(batch) => batch.shape(),
        };
        shape.try_into().expect("four axes")
    }
}

/// Evaluates `$write` with the numbers of these slots of a batch of either type.
macro_rules! with_slots {
    ($batch:expr, $slots:expr, |$numbers:ident| $write:expr) => {
        match $batch {
            Batch::Float(batch) => {
                let $numbers = slots_of(batch, $slots)?;
                $write
            }
            Batch::Byte(batch) => {
                let $numbers = slots_of(batch, $slots)?;
                $write
            }
        }
    };
}

#[pyfunction]
#[pyo3(signature = (image, batch, slot, *, fit = "stretch", swap_channels = false, mean = [0.0; 3], scale = [1.0; 3], fill = 0))]
#[allow(clippy::too_many_arguments)]
pub fn prepare(
    py: Python<'_>,
    image: &Bound<'_, PyAny>,
    batch: &Bound<'_, PyAny>,
    slot: usize,
    fit: &str,
    swap_channels: bool,
    mean: [f32; 3],
    scale: [f32; 3],
    fill: u8,
) -> PyResult<(usize, usize, usize, usize)> {
    let image = array::<u8, Ix3>("image", image, "(H, W, 3)")?;
    let source = color("image", &image)?;
    let fit = match fit {
        "stretch" => Fit::Stretch,
        "pad_end" => Fit::PadEnd,
        "center" => Fit::Center,
        _ => return Err(value_error("fit", format!("must be stretch, pad_end or center, got {fit:?}"))),
    };
    let mut batch = Batch::borrow(batch, "(N, 3, h, w)")?;
    let [count, channels, height, width] = batch.shape();
    if channels != 3 || height == 0 || width == 0 {
        let shape = batch.shape();
        return Err(value_error("batch", format!("expected shape (N, 3, h, w) with h and w above 0, got {shape:?}")));
    }
    if slot >= count {
        return Err(value_error("slot", format!("must be below the batch size {count}, got {slot}")));
    }
    let normalize = normalize(swap_channels, mean, scale)?;
    let placement = pixels::place((source.width(), source.height()), (width, height), fit);
    let isa = selected();
    with_slots!(&mut batch, slot..slot + 1, |planes| py.detach(|| pixels::prepare(
        isa,
        source,
        placement,
        (width, height),
        &normalize,
        fill,
        planes
    )));
    Ok((placement.left, placement.top, placement.width, placement.height))
}

#[pyfunction]
#[pyo3(signature = (image, landmarks, template, batch, *, first = 0, swap_channels = false, mean = [0.0; 3], scale = [1.0; 3]))]
#[allow(clippy::too_many_arguments)]
pub fn align<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    landmarks: &Bound<'py, PyAny>,
    template: &Bound<'py, PyAny>,
    batch: &Bound<'py, PyAny>,
    first: usize,
    swap_channels: bool,
    mean: [f32; 3],
    scale: [f32; 3],
) -> PyResult<Bound<'py, PyArray3<f64>>> {
    let image = array::<u8, Ix3>("image", image, "(H, W, 3)")?;
    let source = color("image", &image)?;
    let landmarks = array::<f32, Ix3>("landmarks", landmarks, "(N, 5, 2)")?;
    let template = array::<f32, Ix2>("template", template, "(5, 2)")?;
    if landmarks.shape()[1..] != [5, 2] {
        return Err(value_error("landmarks", format!("expected shape (N, 5, 2), got {:?}", landmarks.shape())));
    }
    if template.shape() != [5, 2] {
        return Err(value_error("template", format!("expected shape (5, 2), got {:?}", template.shape())));
    }
    let template = points(slice("template", &template)?);
    let transforms = slice("landmarks", &landmarks)?
        .as_chunks::<10>()
        .0
        .iter()
        .enumerate()
        .map(|(i, face)| {
            SimilarityTransform::fit(&points(face), &template).ok_or_else(|| {
                value_error(
                    format_args!("landmarks[{i}]"),
                    "the points coincide or are not finite, so there is no transform",
                )
            })
        })
        .collect::<PyResult<Vec<SimilarityTransform>>>()?;
    let mut batch = Batch::borrow(batch, "(B, 3, S, S) or (B, S, S, 3)")?;
    let (side, planar) = match batch.shape() {
        [_, 3, height, width] if height == width && width > 0 => (width, true),
        [_, height, width, 3] if height == width && width > 0 => (width, false),
        shape => {
            return Err(value_error("batch", format!("expected shape (B, 3, S, S) or (B, S, S, 3), got {shape:?}")));
        }
    };
    let slots = first..first.saturating_add(transforms.len());
    if slots.end > batch.shape()[0] {
        return Err(value_error("batch", format!("has {} slots, but slots {slots:?} are needed", batch.shape()[0])));
    }
    let normalize = normalize(swap_channels, mean, scale)?;
    let isa = selected();
    let cut = Cut { isa, source, side, normalize, planar };
    with_slots!(&mut batch, slots, |chips| py.detach(|| cut.chips(&transforms, chips)));
    let matrix = |SimilarityTransform { a, b, tx, ty }: SimilarityTransform| [[a, -b, tx], [b, a, ty]];
    let matrices: Vec<[[f64; 3]; 2]> = transforms.into_iter().map(matrix).collect();
    Ok(Array3::from_shape_fn((matrices.len(), 2, 3), |(i, r, c)| matrices[i][r][c]).to_pyarray(py))
}

/// The parameters that all chips of an image share.
struct Cut<'a> {
    isa: Isa,
    source: Color<'a>,
    side: usize,
    normalize: Normalize,
    planar: bool,
}

impl Cut<'_> {
    fn chips<T: Sample>(&self, transforms: &[SimilarityTransform], chips: &mut [T]) {
        for (transform, chip) in transforms.iter().zip(chips.chunks_exact_mut(3 * self.side * self.side)) {
            pixels::align(self.isa, self.source, transform, self.side, &self.normalize, self.planar, chip);
        }
    }
}

fn points(numbers: &[f32]) -> [[f64; 2]; 5] {
    std::array::from_fn(|i| [f64::from(numbers[2 * i]), f64::from(numbers[2 * i + 1])])
}

fn normalize(swap_channels: bool, mean: [f32; 3], scale: [f32; 3]) -> PyResult<Normalize> {
    for (name, values) in [("mean", mean), ("scale", scale)] {
        if values.iter().any(|value| !value.is_finite()) {
            return Err(value_error(name, format!("must be finite, got {values:?}")));
        }
    }
    Ok(Normalize { order: if swap_channels { [2, 1, 0] } else { [0, 1, 2] }, mean, scale })
}

/// The numbers of these slots of a contiguous batch.
fn slots_of<'a, T: numpy::Element>(
    batch: &'a mut PyReadwriteArray<'_, T, Ix4>,
    slots: std::ops::Range<usize>,
) -> PyResult<&'a mut [T]> {
    let size: usize = batch.shape()[1..].iter().product();
    let all = batch.as_slice_mut().map_err(|error| value_error("batch", error))?;
    Ok(&mut all[slots.start * size..slots.end * size])
}
