use crate::convert::{array, at_least_one, boxes_of, gray, gray_stack, value_error};
use crate::instruction_set::chosen;
use numpy::{Ix2, Ix3, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray, PyUntypedArray, PyUntypedArrayMethods};
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
            _ => return Err(value_error("measure", format!("there is no {name:?}"))),
        })
    }

    fn high_frequency_share(cutoff: f64) -> PyResult<Self> {
        if !(cutoff > 0.0 && cutoff < 0.5) {
            return Err(value_error("cutoff", format!("must lie between 0 and 0.5 cycles a pixel, got {cutoff}")));
        }
        Ok(Measure::HighFrequencyShare { cutoff: cutoff as f32 })
    }

    fn of(self, isa: Isa, picture: Gray) -> f64 {
        match self {
            Measure::LaplacianVariance => sharpness::laplacian_variance(isa, picture),
            Measure::Tenengrad => sharpness::tenengrad(isa, picture),
            Measure::Reblur => sharpness::reblur_sharpness(isa, picture),
            Measure::HighFrequencyShare { cutoff } => sharpness::high_frequency_share(isa, picture, cutoff),
        }
    }

    fn check(self, name: impl Display + Copy, picture: &Gray) -> PyResult<()> {
        if !matches!(self, Measure::Reblur) {
            return Ok(());
        }
        let size = format!("({}, {})", picture.height(), picture.width());
        if picture.width().min(picture.height()) < REBLUR_MIN_SIDE {
            return Err(value_error(
                name,
                format!("needs at least {REBLUR_MIN_SIDE}×{REBLUR_MIN_SIDE} pixels, got {size}"),
            ));
        }
        if picture.width() > REBLUR_MAX_WIDTH {
            return Err(value_error(name, format!("may be {REBLUR_MAX_WIDTH} pixels wide, got {size}")));
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
    let picture = array::<u8, Ix2>("gray", gray, "(H, W)")?;
    let picture = self::gray("gray", &picture)?;
    let boxes = array::<i64, Ix2>("boxes", boxes, "(N, 4)")?;
    let regions = boxes_of(&boxes)?
        .iter()
        .enumerate()
        .map(|(i, &sides)| {
            let [left, top, right, bottom] = sides.map(|side| usize::try_from(side).unwrap_or(usize::MAX));
            picture.crop(left, top, right, bottom).ok_or_else(|| {
                let size = (picture.width(), picture.height());
                value_error(format_args!("boxes[{i}]"), format!("{sides:?} is empty or reaches outside {size:?}"))
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
    let picture = array::<u8, Ix2>("gray", gray, "(H, W)")?;
    let picture = self::gray("gray", &picture)?;
    let (tiles, shape) = sharpness::tiles(picture, at_least_one("side", side)?);
    let values = measure_all(py, "tiles", &tiles, Measure::named(measure)?, threads)?;
    PyArray1::from_vec(py, values).reshape(shape)
}

fn one(py: Python<'_>, picture: &Bound<'_, PyAny>, measure: Measure) -> PyResult<f64> {
    let picture = array::<u8, Ix2>("gray", picture, "(H, W)")?;
    let picture = gray("gray", &picture)?;
    measure.check("gray", &picture)?;
    let isa = chosen();
    Ok(py.detach(|| measure.of(isa, picture)))
}

fn batch<'py>(py: Python<'py>, pictures: &Bound<'py, PyAny>, measure: Measure, threads: i64) -> PyResult<Values<'py>> {
    let isa = chosen();
    let check = |name: std::fmt::Arguments, picture: &Gray| measure.check(name, picture);
    let values = map_pictures(py, pictures, threads, check, |picture| measure.of(isa, picture))?;
    Ok(PyArray1::from_vec(py, values))
}

/// `f` of each picture of a sequence or a (N, H, W) stack; `check` may refuse one, under the name it is given.
pub fn map_pictures<R: Send>(
    py: Python<'_>,
    pictures: &Bound<'_, PyAny>,
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
    if pictures.cast::<PyUntypedArray>().is_ok_and(|stack| stack.ndim() == 3) {
        let stack = array::<u8, Ix3>("grays", pictures, "(N, H, W)")?;
        return run(&gray_stack("grays", &stack)?);
    }
    let items: Vec<Bound<'_, PyAny>> = pictures.try_iter()?.collect::<PyResult<_>>()?;
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

fn measure_all(py: Python<'_>, name: &str, views: &[Gray<'_>], measure: Measure, threads: i64) -> PyResult<Vec<f64>> {
    let threads = at_least_one("threads", threads)?;
    for (i, view) in views.iter().enumerate() {
        measure.check(format_args!("{name}[{i}]"), view)?;
    }
    let isa = chosen();
    Ok(py.detach(|| parallel::map(views, threads, |view| measure.of(isa, *view))))
}
