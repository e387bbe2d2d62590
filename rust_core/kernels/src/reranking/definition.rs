//! What the re-ranking kernels compute, in plain loops.

/// Distances by k-reciprocal encoding (Zhong et al. 2017): one row per query, one column per candidate.
///
/// The pool is all queries and candidates; s(p, x) is a dot product.
/// - N(p, k): p itself, and all x at least as similar to p as its k-th nearest neighbour, including ties.
/// - R(p, k): the x of N(p, k) with p in N(x, k).
/// - R*(p): R(p, k1), and R(q, k1/2) of each q of R(p, k1), if more than two thirds of R(q, k1/2) are in R(p, k1).
/// - V(p): a weight proportional to exp(s(p, x) - 1) for each x of R*(p), with sum 1.
/// - Query expansion: the mean of V over N(p, k2 - 1).
/// - Jaccard distance of two expanded vectors: 1 - Σ min / Σ max.
///
/// The result is (1 - lambda) times the Jaccard distance plus lambda times the cosine distance 1 - s.
///
/// As in the authors' program, the pool contains the queries, k2 counts p itself, V has sum 1, and exactly two thirds
/// are not enough. Unlike there, distances are not divided by the largest one, so they do not depend on the farthest
/// candidate.
pub fn k_reciprocal(queries: &[f32], candidates: &[f32], dim: usize, k1: usize, k2: usize, lambda: f32) -> Vec<f32> {
    let pool: Vec<&[f32]> = queries.chunks_exact(dim).chain(candidates.chunks_exact(dim)).collect();
    let all = 0..pool.len();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    let s: Vec<Vec<f32>> = pool.iter().map(|a| pool.iter().map(|b| dot(a, b)).collect()).collect();
    let near = |k: usize| -> Vec<Vec<usize>> {
        let of = |p: usize| {
            let mut others: Vec<f32> = all.clone().filter(|&x| x != p).map(|x| s[p][x]).collect();
            others.sort_by(|a, b| b.total_cmp(a));
            let limit = if k == 0 { f32::INFINITY } else { others.get(k - 1).copied().unwrap_or(f32::NEG_INFINITY) };
            all.clone().filter(|&x| x == p || s[p][x] >= limit).collect()
        };
        all.clone().map(of).collect()
    };
    let reciprocal = |k: usize| -> Vec<Vec<usize>> {
        let near = near(k);
        let of = |p: usize| near[p].iter().copied().filter(|&x| near[x].contains(&p)).collect();
        all.clone().map(of).collect()
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
    let encoded: Vec<Vec<f32>> = all.clone().map(encode).collect();
    let average = |p: usize| -> Vec<f32> {
        let mean = |x: usize| closest[p].iter().map(|&q| encoded[q][x]).sum::<f32>() / closest[p].len() as f32;
        all.clone().map(mean).collect()
    };
    let expanded: Vec<Vec<f32>> = all.clone().map(average).collect();
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

/// Scores and contributions: a contribution is a component times its weight, a score the sum of a row's contributions.
pub fn hybrid_scores(components: &[f32], weights: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let contributions: Vec<f32> =
        components.iter().zip(weights.iter().cycle()).map(|(component, weight)| component * weight).collect();
    (contributions.chunks_exact(weights.len()).map(|row| row.iter().sum()).collect(), contributions)
}
