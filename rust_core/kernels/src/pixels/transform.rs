/// A similarity transform, which is rotation, uniform scale and shift: (x, y) ↦ (a·x − b·y + tx, b·x + a·y + ty).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SimilarityTransform {
    pub a: f64,
    pub b: f64,
    pub tx: f64,
    pub ty: f64,
}

impl SimilarityTransform {
    /// The least-squares transform from `points` to `template` (Umeyama 1991, without reflections). `None` if all
    /// points coincide or a number is not finite.
    pub fn fit(points: &[[f64; 2]; 5], template: &[[f64; 2]; 5]) -> Option<Self> {
        let mean = |points: &[[f64; 2]; 5]| [0, 1].map(|axis| points.iter().map(|p| p[axis]).sum::<f64>() / 5.0);
        let (from, to) = (mean(points), mean(template));
        let (mut spread, mut along, mut across) = (0.0, 0.0, 0.0);
        for (p, q) in points.iter().zip(template) {
            let (px, py, qx, qy) = (p[0] - from[0], p[1] - from[1], q[0] - to[0], q[1] - to[1]);
            spread += px * px + py * py;
            along += px * qx + py * qy;
            across += px * qy - py * qx;
        }
        let (a, b) = (along / spread, across / spread);
        let found = Self { a, b, tx: to[0] - (a * from[0] - b * from[1]), ty: to[1] - (b * from[0] + a * from[1]) };
        let size = a * a + b * b;
        (size.is_normal() && found.tx.is_finite() && found.ty.is_finite()).then_some(found)
    }

    /// The point that this transform maps to `point`.
    pub fn apply_inverse(&self, point: [f64; 2]) -> [f64; 2] {
        let (x, y) = (point[0] - self.tx, point[1] - self.ty);
        let size = self.a * self.a + self.b * self.b;
        [(self.a * x + self.b * y) / size, (self.a * y - self.b * x) / size]
    }
}
