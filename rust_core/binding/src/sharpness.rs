use crate::convert::{array, at_least_one, boxes_of, gray, value_error};
use crate::images::map_images;
use crate::instruction_set::selected;
use numpy::{Ix2, PyArray1, PyArray2, PyArrayMethods};
use photofinish_kernels::sharpness::{self, REBLUR_MAX_WIDTH, REBLUR_MIN_SIDE};
use photofinish_kernels::{Gray, Isa, parallel};
use pyo3::prelude::*;
use std::fmt::Display;

#[derive(Clone, Copy)]
enum Measure {
    LaplacianVariance,
    Tenengrad,
    Reblur,
    HighFrequencyShare { cutoff: f32 },
}

impl Measure {
    fn named(name: &str) -> PyResult<Self> {
        Ok(match name {
            "laplacian_variance" => Measure::LaplacianVariance,
            "tenengrad" => Measure::Tenengrad,
            "reblur_sharpness" => Measure::Reblur,
            "high_frequency_share" => Measure::HighFrequencyShare { cutoff: 0.25 },
            _ => return Err(value_error("measure", format!("unknown measure {name:?}"))),
        })
    }

    fn high_frequency_share(cutoff: f64) -> PyResult<Self> {
        if !(cutoff > 0.0 && cutoff < 0.5) {
            return Err(value_error("cutoff", format!("must be between 0 and 0.5 cycles per pixel, got {cutoff}")));
        }
        Ok(Measure::HighFrequencyShare { cutoff: cutoff as f32 })
    }

    fn of(self, isa: Isa, image: Gray) -> f64 {
        match self {
            Measure::LaplacianVariance => sharpness::laplacian_variance(isa, image),
            Measure::Tenengrad => sharpness::tenengrad(isa, image),
            Measure::Reblur => sharpness::reblur_sharpness(isa, image),
            Measure::HighFrequencyShare { cutoff } => sharpness::high_frequency_share(isa, image, cutoff),
        }
    }

    fn check(self, name: impl Display + Copy, image: &Gray) -> PyResult<()> {
        if !matches!(self, Measure::Reblur) {
            return Ok(());
        }
        let size = format!("({}, {})", image.height(), image.width());
        if image.width().min(image.height()) < REBLUR_MIN_SIDE {
            return Err(value_error(
                name,
                format!("must be at least {REBLUR_MIN_SIDE}×{REBLUR_MIN_SIDE} pixels, got {size}"),
            ));
        }
        if image.width() > REBLUR_MAX_WIDTH {
            return Err(value_error(name, format!("must be at most {REBLUR_MAX_WIDTH} pixels wide, got {size}")));
        }
        Ok(())
    }
}

#[pyfunction]
pub fn laplacian_variance(py: Python<'_>, gray: &Bound<'_, PyAny>) -> PyResult<f64> {
    one(py, gray, Measure::LaplacianVariance)
}

#[pyfunction]
pub fn tenengrad(py: Python<'_>, gray: &Bound<'_, PyAny>) -> PyResult<f64> {
    one(py, gray, Measure::Tenengrad)
}

#[pyfunction]
pub fn reblur_sharpness(py: Python<'_>, gray: &Bound<'_, PyAny>) -> PyResult<f64> {
    one(py, gray, Measure::Reblur)
}

#[pyfunction]
#[pyo3(signature = (gray, *, cutoff = 0.25))]
pub fn high_frequency_share(py: Python<'_>, gray: &Bound<'_, PyAny>, cutoff: f64) -> PyResult<f64> {
    one(py, gray, Measure::high_frequency_share(cutoff)?)
}

type Values<'py> = Bound<'py, PyArray1<f64>>;

#[pyfunction]
#[pyo3(signature = (grays, *, threads = 1))]
pub fn laplacian_variance_batch<'py>(
    py: Python<'py>,
    grays: &Bound<'py, PyAny>,
    threads: i64,
) -> PyResult<Values<'py>> {
    batch(py, grays, Measure::LaplacianVariance, threads)
}

#[pyfunction]
#[pyo3(signature = (grays, *, threads = 1))]
pub fn tenengrad_batch<'py>(py: Python<'py>, grays: &Bound<'py, PyAny>, threads: i64) -> PyResult<Values<'py>> {
    batch(py, grays, Measure::Tenengrad, threads)
}

#[pyfunction]
#[pyo3(signature = (grays, *, threads = 1))]
pub fn reblur_sharpness_batch<'py>(py: Python<'py>, grays: &Bound<'py, PyAny>, threads: i64) -> PyResult<Values<'py>> {
    batch(py, grays, Measure::Reblur, threads)
}

#[pyfunction]
#[pyo3(signature = (grays, *, cutoff = 0.25, threads = 1))]
pub fn high_frequency_share_batch<'py>(
    py: Python<'py>,
    grays: &Bound<'py, PyAny>,
    cutoff: f64,
    threads: i64,
) -> PyResult<Values<'py>> {
    batch(py, grays, Measure::high_frequency_share(cutoff)?, threads)
}

#[pyfunction]
#[pyo3(signature = (gray, boxes, *, measure = "reblur_sharpness", threads = 1))]
pub fn sharpness_regions<'py>(
    py: Python<'py>,
    gray: &Bound<'py, PyAny>,
    boxes: &Bound<'py, PyAny>,
    measure: &str,
    threads: i64,
) -> PyResult<Values<'py>> {
    let image = array::<u8, Ix2>("gray", gray, "(H, W)")?;
    let image = self::gray("gray", &image)?;
    let boxes = array::<i64, Ix2>("boxes", boxes, "(N, 4)")?;
    let regions = boxes_of(&boxes)?
        .iter()
        .enumerate()
        .map(|(i, &sides)| {
            let [left, top, right, bottom] = sides.map(|side| usize::try_from(side).unwrap_or(usize::MAX));
            image.crop(left, top, right, bottom).ok_or_else(|| {
                let size = (image.width(), image.height());
                value_error(
                    format_args!("boxes[{i}]"),
                    format!("{sides:?} is empty or extends beyond the image of {size:?}"),
                )
            })
        })
        .collect::<PyResult<Vec<_>>>()?;
    let values = measure_all(py, "boxes", &regions, Measure::named(measure)?, threads)?;
    Ok(PyArray1::from_vec(py, values))
}

#[pyfunction]
#[pyo3(signature = (gray, side, *, measure = "reblur_sharpness", threads = 1))]
pub fn sharpness_tiles<'py>(
    py: Python<'py>,
    gray: &Bound<'py, PyAny>,
    side: i64,
    measure: &str,
    threads: i64,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let image = array::<u8, Ix2>("gray", gray, "(H, W)")?;
    let image = self::gray("gray", &image)?;
    let (tiles, shape) = sharpness::tiles(image, at_least_one("side", side)?);
    let values = measure_all(py, "tiles", &tiles, Measure::named(measure)?, threads)?;
    PyArray1::from_vec(py, values).reshape(shape)
}

fn one(py: Python<'_>, image: &Bound<'_, PyAny>, measure: Measure) -> PyResult<f64> {
    let image = array::<u8, Ix2>("gray", image, "(H, W)")?;
    let image = gray("gray", &image)?;
    measure.check("gray", &image)?;
    let isa = selected();
    Ok(py.detach(|| measure.of(isa, image)))
}

fn batch<'py>(py: Python<'py>, images: &Bound<'py, PyAny>, measure: Measure, threads: i64) -> PyResult<Values<'py>> {
    let isa = selected();
    let check = |name: std::fmt::Arguments, image: &Gray| measure.check(name, image);
    let values = map_images(py, images, threads, check, |image| measure.of(isa, image))?;
    Ok(PyArray1::from_vec(py, values))
}

fn measure_all(py: Python<'_>, name: &str, views: &[Gray<'_>], measure: Measure, threads: i64) -> PyResult<Vec<f64>> {
    let threads = at_least_one("threads", threads)?;
    for (i, view) in views.iter().enumerate() {
        measure.check(format_args!("{name}[{i}]"), view)?;
    }
    let isa = selected();
    Ok(py.detach(|| parallel::map(views, threads, |view| measure.of(isa, *view))))
}
