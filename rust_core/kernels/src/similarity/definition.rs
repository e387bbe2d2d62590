//! What the similarity kernels compute, in plain loops.

use super::Hit;

/// The `k` allowed rows with the largest dot product, largest first, equal ones by row. `rows` holds `dim` numbers a
/// row; `mask` one byte a row, nonzero where it is allowed.
pub fn cosine_top_k(query: &[f32], rows: &[f32], dim: usize, k: usize, mask: Option<&[u8]>) -> Vec<Hit> {
    let dot = |row: &[f32]| query.iter().zip(row).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>() as f32;
    let mut hits: Vec<Hit> = rows
        .chunks_exact(dim)
        .enumerate()
        .filter(|(row, _)| mask.is_none_or(|mask| mask[*row] != 0))
        .map(|(row, values)| Hit { row, similarity: dot(values) })
        .collect();
    hits.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.row.cmp(&b.row)));
    hits.truncate(k);
    hits
}
