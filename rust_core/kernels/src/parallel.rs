//! Threads for the time of one call: exactly as many as the caller allows, none left behind.

/// `f` of every item, in order, on at most `threads` threads of which one is the caller's.
pub fn map<T: Sync, R: Send>(items: &[T], threads: usize, f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let share = items.len().div_ceil(threads.max(1)).max(1);
    let mut parts = items.chunks(share);
    let Some(mine) = parts.next() else { return Vec::new() };
    std::thread::scope(|scope| {
        let others: Vec<_> = parts.map(|part| scope.spawn(|| part.iter().map(&f).collect::<Vec<R>>())).collect();
        let mut results: Vec<R> = mine.iter().map(&f).collect();
        for thread in others {
            match thread.join() {
                Ok(part) => results.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}
