//! The Python module `photofinish_kernels._kernels`: checks arguments, releases the GIL and maps errors. It contains no
//! kernels.

mod confinement;
mod convert;
mod hash;
mod images;
mod instruction_set;
mod pixels;
mod redaction;
mod reranking;
mod sharpness;
mod similarity;

use pyo3::prelude::*;

#[pymodule]
mod _kernels {
    #[pymodule_export]
    use super::confinement::confine;
    #[pymodule_export]
    use super::hash::{hamming_search, perceptual_hash, perceptual_hash_batch};
    #[pymodule_export]
    use super::instruction_set::{instruction_set, instruction_sets, set_instruction_set};
    #[pymodule_export]
    use super::pixels::{align, prepare};
    #[pymodule_export]
    use super::redaction::{redact_blur, redact_pixelate};
    #[pymodule_export]
    use super::reranking::{hybrid_scores, k_reciprocal_distances};
    #[pymodule_export]
    use super::sharpness::{
        high_frequency_share, high_frequency_share_batch, laplacian_variance, laplacian_variance_batch,
        reblur_sharpness, reblur_sharpness_batch, sharpness_regions, sharpness_tiles, tenengrad, tenengrad_batch,
    };
    #[pymodule_export]
    use super::similarity::{cluster_rows, cosine_top_k, cosine_top_k_int8, quantize_rows};
}
