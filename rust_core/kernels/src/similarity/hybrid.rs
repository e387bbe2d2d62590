use crate::isa::{Isa, multiversion};

/// This row holds a part that is not from 0 to 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartOutside(pub usize);

/// [`super::definition::hybrid_scores`]: the scores of rows of as many `parts` as there are `weights`, and the
/// contributions.
///
/// # Errors
/// `PartOutside` of the first row with a part that is not from 0 to 1.
///
/// # Panics
/// When there are no weights, or `parts` are not whole rows.
pub fn hybrid_scores(isa: Isa, parts: &[f32], weights: &[f32]) -> Result<(Vec<f32>, Vec<f32>), PartOutside> {
    assert!(parts.len().is_multiple_of(weights.len()), "whole rows");
    let mut scores = vec![0.0; parts.len() / weights.len()];
    let mut contributions = vec![0.0; parts.len()];
    if score(isa, parts, weights, &mut scores, &mut contributions) {
        return Ok((scores, contributions));
    }
    let outside = |row: &[f32]| !row.iter().all(|part| (0.0..=1.0).contains(part));
    Err(PartOutside(parts.chunks_exact(weights.len()).position(outside).expect("one was seen")))
}

multiversion! {
    /// Whether all parts are from 0 to 1.
    fn score(parts: &[f32], weights: &[f32], scores: &mut [f32], contributions: &mut [f32]) -> bool = score_body;
}

/// Rows whose sums are made side by side.
const ROWS: usize = 16;

#[inline(always)]
fn score_body(parts: &[f32], weights: &[f32], scores: &mut [f32], contributions: &mut [f32]) -> bool {
    // A width that the compiler knows makes vectors of it.
    match weights.len() {
        1 => score_width::<1>(parts, weights, scores, contributions),
        2 => score_width::<2>(parts, weights, scores, contributions),
        3 => score_width::<3>(parts, weights, scores, contributions),
        4 => score_width::<4>(parts, weights, scores, contributions),
        5 => score_width::<5>(parts, weights, scores, contributions),
        6 => score_width::<6>(parts, weights, scores, contributions),
        7 => score_width::<7>(parts, weights, scores, contributions),
        8 => score_width::<8>(parts, weights, scores, contributions),
        width => {
            let mut is_good = true;
            for ((parts, out), score) in
                parts.chunks_exact(width).zip(contributions.chunks_exact_mut(width)).zip(scores)
            {
                is_good &= score_row(parts, weights, out, score);
            }
            is_good
        }
    }
}

#[inline(always)]
fn score_width<const P: usize>(parts: &[f32], weights: &[f32], scores: &mut [f32], contributions: &mut [f32]) -> bool {
    let weights: &[f32; P] = weights.try_into().expect("P weights");
    let (blocks, rest) = parts.as_chunks::<P>().0.as_chunks::<ROWS>();
    let (outs, out_rest) = contributions.as_chunks_mut::<P>().0.as_chunks_mut::<ROWS>();
    let (sums, sum_rest) = scores.as_chunks_mut::<ROWS>();
    let mut is_good = true;
    for ((block, out), sum) in blocks.iter().zip(outs).zip(sums) {
        for row in 0..ROWS {
            is_good &= score_row(&block[row], weights, &mut out[row], &mut sum[row]);
        }
    }
    for ((parts, out), score) in rest.iter().zip(out_rest).zip(sum_rest) {
        is_good &= score_row(parts, weights, out, score);
    }
    is_good
}

#[inline(always)]
fn score_row(parts: &[f32], weights: &[f32], contributions: &mut [f32], score: &mut f32) -> bool {
    let (mut sum, mut is_good) = (0.0, true);
    for ((&part, &weight), contribution) in parts.iter().zip(weights).zip(contributions) {
        is_good &= (0.0..=1.0).contains(&part);
        *contribution = part * weight;
        sum += *contribution;
    }
    *score = sum;
    is_good
}
