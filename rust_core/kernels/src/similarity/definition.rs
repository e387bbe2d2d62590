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

/// Labels of `count` rows, clusters numbered by their first rows. Every row begins alone. The pairs of similarity
/// `threshold` or more are gone through, most similar first, equal ones by row numbers, and each joins the clusters of
/// its rows, unless that would put a pair of `cannot_link` into one.
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
        let place = seen.iter().position(|known| known == label).unwrap_or_else(|| {
            seen.push(*label);
            seen.len() - 1
        });
        *label = place;
    }
    labels
}

/// Distances by k-reciprocal encoding (Zhong et al. 2017): one row per query, one column per candidate.
///
/// The pool are the queries and the candidates, s(p, x) is a dot product. N(p, k) are p and all that are as similar to it
/// as the k-th most similar of the others, so that equals are treated alike. R(p, k) are those of N(p, k) that have p in
/// theirs; R*(p) is R(p, k1) and every R(q, k1/2) of a q in it more than two thirds of which lie in it. V(p) weighs each x
/// of R*(p) by exp(s(p, x) - 1), in sum 1, and is then averaged over N(p, k2 - 1), which is the query expansion. The
/// Jaccard distance of two such vectors is 1 - Σ min / Σ max; the result is (1 - lambda) of it and lambda of the cosine
/// distance 1 - s.
///
/// As in the authors' program the queries are in the pool, k2 counts p itself, V has sum 1 and two thirds are not enough.
/// Unlike there, distances are not divided by the largest, which would make all depend on the farthest candidate.
pub fn k_reciprocal(queries: &[f32], candidates: &[f32], dim: usize, k1: usize, k2: usize, lambda: f32) -> Vec<f32> {
    let pool: Vec<&[f32]> = queries.chunks_exact(dim).chain(candidates.chunks_exact(dim)).collect();
    let everyone = 0..pool.len();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    let s: Vec<Vec<f32>> = pool.iter().map(|a| pool.iter().map(|b| dot(a, b)).collect()).collect();
    let near = |k: usize| -> Vec<Vec<usize>> {
        let of = |p: usize| {
            let mut others: Vec<f32> = everyone.clone().filter(|&x| x != p).map(|x| s[p][x]).collect();
            others.sort_by(|a, b| b.total_cmp(a));
            let limit = if k == 0 { f32::INFINITY } else { others.get(k - 1).copied().unwrap_or(f32::NEG_INFINITY) };
            everyone.clone().filter(|&x| x == p || s[p][x] >= limit).collect()
        };
        everyone.clone().map(of).collect()
    };
    let reciprocal = |k: usize| -> Vec<Vec<usize>> {
        let near = near(k);
        let of = |p: usize| near[p].iter().copied().filter(|&x| near[x].contains(&p)).collect();
        everyone.clone().map(of).collect()
    };
    let (whole, half, closest) = (reciprocal(k1), reciprocal(k1 / 2), near(k2 - 1));
    let encode = |p: usize| -> Vec<f32> {
        let mut members = whole[p].clone();
        for &q in &whole[p] {
            let common = half[q].iter().filter(|x| whole[p].contains(x)).count();
            if 3 * common > 2 * half[q].len() {
                members.extend(&half[q]);
            }
        }
        let mut weights = vec![0.0; pool.len()];
        members.into_iter().for_each(|x| weights[x] = (s[p][x] - 1.0).exp());
        let sum: f32 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    };
    let encoded: Vec<Vec<f32>> = everyone.clone().map(encode).collect();
    let average = |p: usize| -> Vec<f32> {
        let mean = |x: usize| closest[p].iter().map(|&q| encoded[q][x]).sum::<f32>() / closest[p].len() as f32;
        everyone.clone().map(mean).collect()
    };
    let expanded: Vec<Vec<f32>> = everyone.clone().map(average).collect();
    let jaccard = |p: usize, g: usize| {
        let sum = |choose: fn(f32, f32) -> f32| -> f32 {
            expanded[p].iter().zip(&expanded[g]).map(|(&a, &b)| choose(a, b)).sum()
        };
        1.0 - sum(f32::min) / sum(f32::max)
    };
    let first = queries.len() / dim;
    let pairs = (0..first).flat_map(|query| (first..pool.len()).map(move |candidate| (query, candidate)));
    let mix = |(q, c): (usize, usize)| (1.0 - lambda) * jaccard(q, c) + lambda * (1.0 - s[q][c]);
    pairs.map(mix).collect()
}

/// Scores and contributions: a contribution is a part times its weight, a score the sum of a row's contributions.
pub fn hybrid_scores(parts: &[f32], weights: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let contributions: Vec<f32> =
        parts.iter().zip(weights.iter().cycle()).map(|(part, weight)| part * weight).collect();
    (contributions.chunks_exact(weights.len()).map(|row| row.iter().sum()).collect(), contributions)
}
