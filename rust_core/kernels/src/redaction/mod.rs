//! Makes regions of an image unrecognisable, in place.

mod blur;
pub mod definition;
mod patch;
mod pixelate;
mod redact;
mod region;

pub use redact::{Style, redact};
pub use region::{Region, Shape};
