use super::best::{Best, Hit};
use super::few::search_few;
use super::parts::search_parts;
use super::rows::{Number, Rows};
use crate::isa::Isa;

/// From here on queries are multiplied side by side.
const MANY: usize = 4;

/// This row of the searched table, or a query, holds something that is not a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NanRow(pub usize);

/// For each query the `k` allowed rows with the largest dot product (fewer when fewer are allowed), largest first, equal
/// ones by row: [`super::definition::cosine_top_k`] with sums in single precision. `mask` holds one byte a row, nonzero
/// where it is allowed. The same call gives the same answer whatever `threads` is; the last bits of a similarity may
/// differ between instruction sets and between one query and several.
///
/// # Errors
/// `NanRow` of an allowed row whose similarity is not a number.
///
/// # Panics
/// When queries and rows differ in `dim`, or `mask` is not as long as there are rows.
pub fn cosine_top_k<E: Number>(
    isa: Isa,
    queries: Rows,
    rows: Rows<E>,
    k: usize,
    mask: Option<&[u8]>,
    threads: usize,
) -> Result<Vec<Vec<Hit>>, NanRow> {
    assert_eq!(queries.dim(), rows.dim(), "queries and rows have one length");
    assert!(mask.is_none_or(|mask| mask.len() == rows.count()), "one mask value a row");
    let k = k.min(rows.count());
    let work = rows.count() * rows.dim() * queries.count();
    search_parts(rows.count(), threads, work, k, |part| {
        if queries.count() < MANY {
            search_few(isa, queries, rows, k, mask, part)
        } else {
            E::search_many(isa, queries, rows, k, mask, part)
        }
    })
}

/// Offers a similarity that is not at or below the threshold: larger, or not a number.
#[cold]
pub(super) fn take(hit: Hit, best: &mut Best) -> Result<(), NanRow> {
    if hit.similarity.is_nan() {
        return Err(NanRow(hit.row));
    }
    best.offer(hit);
    Ok(())
}
