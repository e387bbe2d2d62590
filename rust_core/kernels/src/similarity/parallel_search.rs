use std::ops::Range;

use super::best::{Best, Hit, NanRow};
use crate::parallel;

/// Searches ranges of a table of `rows` rows on several threads, and merges the best `k` of each query.
/// `multiplications` is the work of the whole search.
pub fn search_in_parallel(
    rows: usize,
    threads: usize,
    multiplications: usize,
    k: usize,
    search: impl Fn(Range<usize>) -> Result<Vec<Best>, NanRow> + Sync,
) -> Result<Vec<Vec<Hit>>, NanRow> {
    let found = parallel::map_ranges(rows, parallel::worthwhile(threads, multiplications), |range| {
        Ok(search(range)?.into_iter().map(Best::into_sorted).collect())
    });
    let mut found = found.into_iter();
    let mut merged: Vec<Vec<Hit>> = found.next().expect("at least one range")?;
    for range in found {
        for (all, hits) in merged.iter_mut().zip(range?) {
            all.extend(hits);
            all.sort_unstable_by(Hit::order);
            all.truncate(k);
        }
    }
    Ok(merged)
}
