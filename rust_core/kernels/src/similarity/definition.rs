//! What the similarity kernels compute, in plain loops.

use super::best::Hit;

/// The `k` allowed rows with the largest dot product, in descending order, ties by row. `rows` holds `dim` numbers a
/// row, `mask` one byte a row, nonzero where the row is allowed.
pub fn cosine_top_k(query: &[f32], rows: &[f32], dim: usize, k: usize, mask: Option<&[u8]>) -> Vec<Hit> {
    let dot = |row: &[f32]| query.iter().zip(row).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>() as f32;
    let mut hits: Vec<Hit> = rows
        .chunks_exact(dim)
        .enumerate()
        .filter(|(row, _)| mask.is_none_or(|mask| mask[*row] != 0))
        .map(|(row, values)| Hit { row, similarity: dot(values) })
        .collect();
    hits.sort_by(Hit::order);
    hits.truncate(k);
    hits
}

/// A label for each row, with clusters numbered by their first rows. Every row starts as its own cluster. The pairs
/// with a similarity of `threshold` or more are processed in descending order of similarity, ties by row numbers; each
/// merges the clusters of its rows, unless the union would contain a pair of `cannot_link`.
pub fn cluster(rows: &[f32], dim: usize, threshold: f32, cannot_link: &[(usize, usize)]) -> Vec<usize> {
    let rows: Vec<&[f32]> = rows.chunks_exact(dim).collect();
    let dot = |a: usize, b: usize| rows[a].iter().zip(rows[b]).map(|(x, y)| x * y).sum::<f32>();
    let mut pairs: Vec<(f32, usize, usize)> = (0..rows.len())
        .flat_map(|a| (a + 1..rows.len()).map(move |b| (a, b)))
        .map(|(a, b)| (dot(a, b), a, b))
        .filter(|pair| pair.0 >= threshold)
        .collect();
    pairs.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    let mut labels: Vec<usize> = (0..rows.len()).collect();
    for (_, a, b) in pairs {
        let joined: Vec<usize> =
            labels.iter().map(|&label| if label == labels[b] { labels[a] } else { label }).collect();
        if cannot_link.iter().all(|&(x, y)| joined[x] != joined[y]) {
            labels = joined;
        }
    }
    let mut seen = Vec::new();
    for label in &mut labels {
        *label = seen.iter().position(|other| other == label).unwrap_or_else(|| {
            seen.push(*label);
            seen.len() - 1
        });
    }
    labels
}
