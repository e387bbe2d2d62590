use super::best::{Hit, NanRow};
use super::each_query::{ScoreRows, search_each_query};
use super::parallel_search::search_in_parallel;
use super::query_groups::search_query_groups;
use super::rows::Rows;
use crate::isa::Isa;

/// With fewer queries, reading the table is the bottleneck, and each query is scored by itself.
const MIN_QUERIES_FOR_GROUPS: usize = 4;

/// For each query, the `k` allowed rows with the largest dot product (or all allowed rows, if fewer), in descending
/// order, ties by row: [`super::definition::cosine_top_k`] with sums in single precision. `mask` holds one byte a row,
/// nonzero where the row is allowed. Results do not depend on `threads`; the last bits of a similarity may differ
/// between instruction sets, and between one query and several.
///
/// # Errors
/// `NanRow` of an allowed row whose similarity is not a number.
///
/// # Panics
/// If queries and rows differ in `dim`, or `mask` does not hold one byte a row.
pub fn cosine_top_k<E: ScoreRows>(
    isa: Isa,
    queries: Rows,
    rows: Rows<E>,
    k: usize,
    mask: Option<&[u8]>,
    threads: usize,
) -> Result<Vec<Vec<Hit>>, NanRow> {
    assert_eq!(queries.dim(), rows.dim(), "queries and rows have the same dim");
    assert!(mask.is_none_or(|mask| mask.len() == rows.count()), "one mask byte a row");
    let k = k.min(rows.count());
    let multiplications = rows.count() * rows.dim() * queries.count();
    search_in_parallel(rows.count(), threads, multiplications, k, |range| {
        if queries.count() < MIN_QUERIES_FOR_GROUPS {
            search_each_query(isa, queries, rows, k, mask, range)
        } else {
            search_query_groups(isa, queries, rows, k, mask, range)
        }
    })
}
