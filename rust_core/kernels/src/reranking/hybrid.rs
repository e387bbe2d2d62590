use crate::isa::{Isa, multiversion};

/// This row holds a component that is not from 0 to 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ComponentOutOfRange(pub usize);

/// The score of each row of `components`, which are as many a row as `weights`, and the contribution of each component:
/// [`super::definition::hybrid_scores`].
///
/// # Errors
/// `ComponentOutOfRange` of the first row with a component that is not from 0 to 1.
///
/// # Panics
/// If `weights` is empty, or `components` does not hold whole rows.
pub fn hybrid_scores(
    isa: Isa,
    components: &[f32],
    weights: &[f32],
) -> Result<(Vec<f32>, Vec<f32>), ComponentOutOfRange> {
    assert!(components.len().is_multiple_of(weights.len()), "whole rows");
    let mut scores = vec![0.0; components.len() / weights.len()];
    let mut contributions = vec![0.0; components.len()];
    if score(isa, components, weights, &mut scores, &mut contributions) {
        return Ok((scores, contributions));
    }
    let outside = |row: &[f32]| !row.iter().all(|component| (0.0..=1.0).contains(component));
    Err(ComponentOutOfRange(components.chunks_exact(weights.len()).position(outside).expect("`score` found one")))
}

multiversion! {
    /// Writes scores and contributions; returns whether all components are from 0 to 1.
    fn score(components: &[f32], weights: &[f32], scores: &mut [f32], contributions: &mut [f32]) -> bool = score_body;
}

/// Rows that are summed in parallel lanes.
const ROWS: usize = 16;

#[inline(always)]
fn score_body(components: &[f32], weights: &[f32], scores: &mut [f32], contributions: &mut [f32]) -> bool {
    // The compiler vectorises the sums only if their width is a constant.
    match weights.len() {
        1 => score_width::<1>(components, weights, scores, contributions),
        2 => score_width::<2>(components, weights, scores, contributions),
        3 => score_width::<3>(components, weights, scores, contributions),
        4 => score_width::<4>(components, weights, scores, contributions),
        5 => score_width::<5>(components, weights, scores, contributions),
        6 => score_width::<6>(components, weights, scores, contributions),
        7 => score_width::<7>(components, weights, scores, contributions),
        8 => score_width::<8>(components, weights, scores, contributions),
        width => {
            let mut is_good = true;
            for ((components, out), score) in
                components.chunks_exact(width).zip(contributions.chunks_exact_mut(width)).zip(scores)
            {
                is_good &= score_row(components, weights, out, score);
            }
            is_good
        }
    }
}

#[inline(always)]
fn score_width<const P: usize>(
    components: &[f32],
    weights: &[f32],
    scores: &mut [f32],
    contributions: &mut [f32],
) -> bool {
    let weights: &[f32; P] = weights.try_into().expect("P weights");
    let (blocks, rest) = components.as_chunks::<P>().0.as_chunks::<ROWS>();
    let (outs, out_rest) = contributions.as_chunks_mut::<P>().0.as_chunks_mut::<ROWS>();
    let (sums, sum_rest) = scores.as_chunks_mut::<ROWS>();
    let mut is_good = true;
    for ((block, out), sum) in blocks.iter().zip(outs).zip(sums) {
        for row in 0..ROWS {
            is_good &= score_row(&block[row], weights, &mut out[row], &mut sum[row]);
        }
    }
    for ((components, out), score) in rest.iter().zip(out_rest).zip(sum_rest) {
        is_good &= score_row(components, weights, out, score);
    }
    is_good
}

#[inline(always)]
fn score_row(components: &[f32], weights: &[f32], contributions: &mut [f32], score: &mut f32) -> bool {
    let (mut sum, mut is_good) = (0.0, true);
    for ((&component, &weight), contribution) in components.iter().zip(weights).zip(contributions) {
        is_good &= (0.0..=1.0).contains(&component);
        *contribution = component * weight;
        sum += *contribution;
    }
    *score = sum;
    is_good
}
