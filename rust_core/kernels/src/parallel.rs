//! Scoped threads for one call: at most as many as the caller allows, all joined before the call returns.

use std::ops::Range;

/// Starting a thread takes about 30 µs; below this many multiplications (about 100 µs) it does not pay off.
const MULTIPLICATIONS_PER_THREAD: usize = 1 << 21;

/// The number of threads worth starting for this many multiplications: from 1 to `threads`.
pub fn worthwhile(threads: usize, multiplications: usize) -> usize {
    threads.clamp(1, multiplications / MULTIPLICATIONS_PER_THREAD + 1)
}

/// Applies `f` to every item on at most `threads` threads. Results are in the order of the items.
pub fn map<T: Sync, R: Send>(items: &[T], threads: usize, f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let chunks = map_ranges(items.len(), threads, |range| items[range].iter().map(&f).collect::<Vec<R>>());
    chunks.into_iter().flatten().collect()
}

/// Splits `0..count` into at most `threads` ranges, and applies `f` to each on a separate thread, the first on the
/// caller's. Results are in order. There is at least one: for a `count` of 0, `f` gets an empty range.
pub fn map_ranges<R: Send>(count: usize, threads: usize, f: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    let share = count.div_ceil(threads.max(1)).max(1);
    let range = |start: usize| start..count.min(start + share);
    let f = &f;
    std::thread::scope(|scope| {
        let starts = (share..count).step_by(share);
        let others: Vec<_> = starts.map(|start| scope.spawn(move || f(range(start)))).collect();
        let mut results = vec![f(range(0))];
        for thread in others {
            match thread.join() {
                Ok(result) => results.push(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}
