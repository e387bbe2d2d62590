//! `prepare` and `align` equal their definitions on every instruction set.

mod common;

use common::{Random, each_isa};
use photofinish_kernels::Color;
use photofinish_kernels::pixels::{Fit, Normalize, Placement, SimilarityTransform, align, definition, place, prepare};

const NORMALIZE: Normalize = Normalize { order: [2, 1, 0], mean: [1.0, 2.0, 3.0], scale: [0.5, 0.25, 1.0] };
const PLAIN: Normalize = Normalize { order: [0, 1, 2], mean: [0.0; 3], scale: [1.0; 3] };

fn assert_near(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= tolerance, "{what}: number {i} is {found}, expected {expected}");
    }
}

#[test]
fn prepare_equals_its_definition() {
    let mut random = Random(1);
    for source in [(1, 1), (3, 5), (15, 17), (16, 16), (33, 31), (64, 65), (200, 90)] {
        let stride = 3 * source.0 + 7;
        let data = random.bytes(stride * source.1);
        let image = Color::new(&data, source.0, source.1, stride).expect("a valid image");
        for frame in [(1, 1), (3, 2), (16, 16), (17, 31), (65, 64)] {
            for fit in [Fit::Stretch, Fit::PadEnd, Fit::Center] {
                let placement = place(source, frame, fit);
                let expected = definition::prepare(image, placement, frame, &NORMALIZE, 114);
                each_isa(|isa| {
                    let what = format!("{source:?} into {frame:?} {fit:?} on {}", isa.name());
                    let mut planes = vec![f32::NAN; 3 * frame.0 * frame.1];
                    prepare(isa, image, placement, frame, &NORMALIZE, 114, &mut planes);
                    assert_near(&planes, &expected, 1e-3, &what);
                    let mut bytes = vec![0u8; 3 * frame.0 * frame.1];
                    prepare(isa, image, placement, frame, &PLAIN, 114, &mut bytes);
                    let plain = definition::prepare(image, placement, frame, &PLAIN, 114);
                    assert_near(&bytes.into_iter().map(f32::from).collect::<Vec<_>>(), &plain, 0.501, &what);
                });
            }
        }
    }
}

#[test]
fn an_image_keeps_its_aspect_ratio_unless_stretched() {
    let frame = (640, 480);
    assert_eq!(place((4000, 3000), frame, Fit::PadEnd), Placement { left: 0, top: 0, width: 640, height: 480 });
    assert_eq!(place((3000, 4000), frame, Fit::Center), Placement { left: 140, top: 0, width: 360, height: 480 });
    assert_eq!(place((1, 5000), frame, Fit::PadEnd), Placement { left: 0, top: 0, width: 1, height: 480 });
    assert_eq!(place((7, 5000), frame, Fit::Stretch), Placement { left: 0, top: 0, width: 640, height: 480 });
}

const TEMPLATE: [[f64; 2]; 5] = [[38.3, 51.7], [73.5, 51.5], [56.0, 71.7], [41.5, 92.4], [70.7, 92.2]];

#[test]
fn align_equals_its_definition_inside_and_across_the_border() {
    let mut random = Random(2);
    let (width, height) = (90, 70);
    let data = random.bytes(3 * width * height);
    let image = Color::new(&data, width, height, 3 * width).expect("a valid image");
    for _ in 0..30 {
        let points: [[f64; 2]; 5] =
            std::array::from_fn(|_| [random.below(2 * width) as f64 - 40.0, random.below(2 * height) as f64 - 30.0]);
        let transform = SimilarityTransform::fit(&points, &TEMPLATE).expect("points apart");
        for side in [1, 15, 16, 33, 112] {
            let expected = definition::align(image, &transform, side, &NORMALIZE);
            each_isa(|isa| {
                let mut chip = vec![f32::NAN; 3 * side * side];
                align(isa, image, &transform, side, &NORMALIZE, false, &mut chip);
                assert_near(&chip, &expected, 0.03, isa.name());
                align(isa, image, &transform, side, &NORMALIZE, true, &mut chip);
                let interleaved: Vec<f32> =
                    (0..side * side).flat_map(|i| [0, 1, 2].map(|c| chip[c * side * side + i])).collect();
                assert_near(&interleaved, &expected, 0.03, isa.name());
            });
        }
    }
}

#[test]
fn fit_recovers_a_known_transform() {
    let (a, b, tx, ty) = (0.6, -0.8, 12.0, -3.0);
    let points = TEMPLATE.map(|[x, y]| [a * x - b * y + tx, b * x + a * y + ty]);
    let found = SimilarityTransform::fit(&points, &TEMPLATE).expect("points apart");
    for (point, target) in points.iter().zip(TEMPLATE) {
        let back = found.apply_inverse(target);
        assert!((back[0] - point[0]).abs() < 1e-9 && (back[1] - point[1]).abs() < 1e-9);
    }
    assert_eq!(SimilarityTransform::fit(&[[5.0, 5.0]; 5], &TEMPLATE), None);
    assert_eq!(SimilarityTransform::fit(&[[f64::NAN, 5.0]; 5], &TEMPLATE), None);
}
