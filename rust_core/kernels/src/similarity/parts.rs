//! A search shared out among threads.

use std::ops::Range;

use super::best::{Best, Hit};
use super::top_k::NanRow;

/// A thread starts in some 30 µs; below this many multiplications (about 100 µs) it does not pay.
pub const WORK_PER_THREAD: usize = 1 << 21;

/// Merges the best `k` of every query over all parts of `rows` rows. `work` is how many multiplications there are.
pub fn search_parts(
    rows: usize,
    threads: usize,
    work: usize,
    k: usize,
    search: impl Fn(Range<usize>) -> Result<Vec<Best>, NanRow> + Sync,
) -> Result<Vec<Vec<Hit>>, NanRow> {
    let threads = threads.clamp(1, work / WORK_PER_THREAD + 1);
    let share = rows.div_ceil(threads).max(1);
    let parts: Vec<Range<usize>> =
        (0..threads).map(|part| (part * share).min(rows)..((part + 1) * share).min(rows)).collect();
    let found = crate::parallel::map(&parts, threads, |part| search(part.clone()));
    let mut found = found.into_iter();
    let sorted = |part: Result<Vec<Best>, NanRow>| -> Result<Vec<Vec<Hit>>, NanRow> {
        Ok(part?.into_iter().map(Best::into_sorted).collect())
    };
    let mut merged = sorted(found.next().expect("at least one part"))?;
    for part in found {
        for (all, hits) in merged.iter_mut().zip(sorted(part)?) {
            all.extend(hits);
            all.sort_unstable_by(Hit::order);
            all.truncate(k);
        }
    }
    Ok(merged)
}
