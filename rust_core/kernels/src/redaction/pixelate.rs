use super::patch::Patch;

/// The redacted bytes of each of `rows`, which are one row of blocks: every pixel is the mean of its block. See
/// [`super::definition::pixelate`].
pub fn block_means<'a>(rows: impl ExactSizeIterator<Item = &'a [u8]>, patch: &Patch, block: usize) -> Vec<u8> {
    let height = rows.len();
    let mut sums = vec![0u32; 3 * patch.width];
    for row in rows {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += u32::from(value);
        }
    }
    let mut means = vec![0u8; 3 * patch.width];
    for (columns, cell) in sums.chunks(3 * block).zip(means.chunks_mut(3 * block)) {
        let columns = columns.as_chunks::<3>().0;
        let count = (height * columns.len()) as u64;
        let mean: [u8; 3] = std::array::from_fn(|channel| {
            let sum: u64 = columns.iter().map(|column| u64::from(column[channel])).sum();
            ((sum + count / 2) / count) as u8
        });
        cell.as_chunks_mut::<3>().0.fill(mean);
    }
    means
}
