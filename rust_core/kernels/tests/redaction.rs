//! Redaction equals its definition inside the region and changes nothing outside.

mod common;

use common::{Random, each_isa};
use photofinish_kernels::Isa;
use photofinish_kernels::redaction::{Region, Shape, Style, definition, redact};

fn pixels(image: &[u8]) -> Vec<[f32; 4]> {
    image.as_chunks::<3>().0.iter().map(|&[a, b, c]| [a, b, c, 0].map(f32::from)).collect()
}

fn whole(width: usize, height: usize) -> Region {
    Region { left: 0.0, top: 0.0, right: width as f32, bottom: height as f32, shape: Shape::Rectangle }
}

fn assert_near(found: &[u8], expected: &[[f32; 4]], what: &str) {
    for (i, (found, expected)) in found.as_chunks::<3>().0.iter().zip(expected).enumerate() {
        for channel in 0..3 {
            let difference = (f32::from(found[channel]) - expected[channel]).abs();
            assert!(difference < 0.51, "{what}: pixel {i} is {found:?}, expected {expected:?}");
        }
    }
}

#[test]
fn blur_and_pixelation_equal_their_definitions() {
    let mut random = Random(1);
    for (width, height) in [(1, 1), (1, 9), (3, 2), (15, 17), (33, 31), (64, 65)] {
        let image = random.bytes(3 * width * height);
        for strength in [0.3, 1.0, 2.5, 7.0, 40.0, 1000.0] {
            let blurred = definition::blur(&pixels(&image), width, height, strength);
            let block = strength.ceil() as usize;
            let pixelated = definition::pixelate(&pixels(&image), width, height, block);
            each_isa(|isa| {
                let what = format!("{width}×{height} by {strength} on {}", isa.name());
                let mut found = image.clone();
                let regions = [whole(width, height)];
                redact(isa, &mut found, width, height, &regions, Style::Blur { sigma: strength }, 0.0);
                assert_near(&found, &blurred, &what);
                let mut found = image.clone();
                redact(isa, &mut found, width, height, &regions, Style::Pixelate { block }, 0.0);
                assert_near(&found, &pixelated, &what);
            });
        }
    }
}

#[test]
fn only_the_region_and_its_feather_change() {
    let (width, height) = (80, 60);
    let image = Random(2).bytes(3 * width * height);
    let region = |shape| Region { left: 20.3, top: -8.0, right: 55.0, bottom: 41.5, shape };
    for shape in [Shape::Rectangle, Shape::Ellipse] {
        for feather in [0.0, 6.0] {
            let mut found = image.clone();
            let style = Style::Pixelate { block: 200 };
            redact(Isa::best(), &mut found, width, height, &[region(shape)], style, feather);
            let mut mean = None;
            for i in 0..width * height {
                let alpha = region(shape).alpha(i % width, i / width, feather);
                let (old, new) = (&image[3 * i..][..3], &found[3 * i..][..3]);
                if alpha == 0.0 {
                    assert_eq!(old, new, "outside");
                }
                if alpha == 1.0 {
                    assert_eq!(new, *mean.get_or_insert(new), "all pixels inside have the colour of the block");
                }
            }
            assert!(mean.is_some());
        }
    }
}

#[test]
fn a_region_outside_the_image_changes_nothing() {
    let image = Random(3).bytes(3 * 20 * 20);
    for (left, right) in [(20.0, 30.0), (-9.0, 0.0), (5.0, 5.0), (9.0, 4.0)] {
        let mut found = image.clone();
        let region = Region { left, top: 0.0, right, bottom: 20.0, shape: Shape::Ellipse };
        redact(Isa::best(), &mut found, 20, 20, &[region], Style::Blur { sigma: 5.0 }, 0.0);
        assert_eq!(found, image);
    }
}
