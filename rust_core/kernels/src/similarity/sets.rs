use std::collections::HashMap;

/// A set of rows for every row. Equal sets are kept once, so that many equal rows, each the neighbour of all the others,
/// do not take time with the third power of their number.
pub struct Sets {
    pub distinct: Vec<Vec<usize>>,
    /// Which of them is a row's.
    pub number_of: Vec<usize>,
}

impl Sets {
    /// Of row 0, row 1, …; the order in a set does not matter.
    pub fn new(sets: impl Iterator<Item = Vec<usize>>) -> Self {
        let mut numbers = HashMap::new();
        let number_of = sets
            .map(|mut set| {
                set.sort_unstable();
                let next = numbers.len();
                *numbers.entry(set).or_insert(next)
            })
            .collect();
        let mut distinct = vec![Vec::new(); numbers.len()];
        numbers.into_iter().for_each(|(set, number)| distinct[number] = set);
        Self { distinct, number_of }
    }
}
