use super::definition;

/// [`definition::hybrid_scores`]: the scores of rows of as many `parts` as there are `weights`, and the contributions.
pub fn hybrid_scores(parts: &[f32], weights: &[f32]) -> (Vec<f32>, Vec<f32>) {
    definition::hybrid_scores(parts, weights)
}
