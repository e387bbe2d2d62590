use std::collections::HashMap;

/// One set of rows for each row. Equal sets are stored once, because many equal rows, which are all neighbours of each
/// other, would otherwise take time cubic in their number.
pub struct DistinctSets {
    pub sets: Vec<Vec<usize>>,
    /// The index in `sets` of each row's set.
    pub index_of_row: Vec<usize>,
}

impl DistinctSets {
    /// From the sets of row 0, row 1, … in any order of their members.
    pub fn new(sets: impl Iterator<Item = Vec<usize>>) -> Self {
        let mut indices = HashMap::new();
        let index_of_row = sets
            .map(|mut set| {
                set.sort_unstable();
                let next = indices.len();
                *indices.entry(set).or_insert(next)
            })
            .collect();
        let mut sets = vec![Vec::new(); indices.len()];
        indices.into_iter().for_each(|(set, index)| sets[index] = set);
        Self { sets, index_of_row }
    }
}
