use crate::Gray;

/// Divides the image into a grid of nearly equal tiles with sides of about `side` pixels. Returns the tiles row by row,
/// and the number of rows and columns.
pub fn tiles(gray: Gray, side: usize) -> (Vec<Gray>, [usize; 2]) {
    let count = |length: usize| ((length + side / 2) / side).max(1);
    let (down, across) = (count(gray.height()), count(gray.width()));
    let edge = |i: usize, length: usize, count: usize| i * length / count;
    let (rows, columns) = (0..down, 0..across);
    let cut = |row: usize, column: usize| {
        let (top, bottom) = (edge(row, gray.height(), down), edge(row + 1, gray.height(), down));
        let (left, right) = (edge(column, gray.width(), across), edge(column + 1, gray.width(), across));
        gray.crop(left, top, right, bottom).expect("a tile has at least one pixel")
    };
    (rows.flat_map(|row| columns.clone().map(move |column| cut(row, column))).collect(), [down, across])
}
