//! Dot products of several rows at a time: independent sums keep the multipliers busy.

/// `a * b + c`: fused where the instruction set has it (`FMA`), otherwise in two steps, because the fused one would be a
/// library call there.
#[inline(always)]
fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Dot products of one query with `ROWS` rows of the query's length. Every row is summed in the same order, so equal rows
/// give equal results.
#[inline(always)]
pub fn one_query<const LANES: usize, const ROWS: usize, const FMA: bool>(
    query: &[f32],
    rows: [&[f32]; ROWS],
) -> [f32; ROWS] {
    let dim = query.len();
    let rows = rows.map(|row| &row[..dim]);
    let mut sums = [[0f32; LANES]; ROWS];
    let whole = dim - dim % LANES;
    let mut start = 0;
    while start < whole {
        let q: &[f32; LANES] = query[start..start + LANES].try_into().expect("LANES numbers");
        for r in 0..ROWS {
            let x: &[f32; LANES] = rows[r][start..start + LANES].try_into().expect("LANES numbers");
            for lane in 0..LANES {
                sums[r][lane] = multiply_add::<FMA>(q[lane], x[lane], sums[r][lane]);
            }
        }
        start += LANES;
    }
    for r in 0..ROWS {
        for (lane, i) in (whole..dim).enumerate() {
            sums[r][lane] = multiply_add::<FMA>(query[i], rows[r][i], sums[r][lane]);
        }
    }
    sums.map(sum_by_halves)
}

#[inline(always)]
fn sum_by_halves<const LANES: usize>(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// Dot products of `ROWS` rows with `LANES` queries at once; `packed` holds number `d` of every query at `[d]`.
#[inline(always)]
pub fn many_queries<const LANES: usize, const ROWS: usize, const FMA: bool>(
    packed: &[[f32; LANES]],
    rows: [&[f32]; ROWS],
) -> [[f32; LANES]; ROWS] {
    let rows = rows.map(|row| &row[..packed.len()]);
    let mut sums = [[0f32; LANES]; ROWS];
    for (d, q) in packed.iter().enumerate() {
        for r in 0..ROWS {
            let x = rows[r][d];
            for lane in 0..LANES {
                sums[r][lane] = multiply_add::<FMA>(x, q[lane], sums[r][lane]);
            }
        }
    }
    sums
}
