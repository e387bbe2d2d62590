//! Sharpness measures equal their definitions on every instruction set.

mod common;

use common::{Random, each_image, each_isa};
use photofinish_kernels::sharpness::{
    REBLUR_MIN_SIDE, definition, high_frequency_share, laplacian_variance, reblur_sharpness, tenengrad, tiles,
};
use photofinish_kernels::{Gray, Isa};

#[test]
fn laplacian_equals_its_definition() {
    each_image(1, |image, what| {
        let expected = definition::laplacian_variance(image);
        each_isa(|isa| assert_eq!(laplacian_variance(isa, image), expected, "{what} on {}", isa.name()));
    });
}

#[test]
fn reblur_equals_its_definition() {
    each_image(REBLUR_MIN_SIDE, |image, what| {
        let expected = definition::reblur_sharpness(image);
        each_isa(|isa| assert_eq!(reblur_sharpness(isa, image), expected, "{what} on {}", isa.name()));
    });
}

#[test]
fn tenengrad_equals_its_definition() {
    each_image(1, |image, what| {
        let expected = definition::tenengrad(image);
        each_isa(|isa| assert_eq!(tenengrad(isa, image), expected, "{what} on {}", isa.name()));
    });
}

#[test]
fn high_frequency_share_equals_its_definition() {
    for (width, height) in [(1, 1), (1, 9), (8, 8), (9, 7), (16, 5), (17, 12), (23, 16)] {
        let data = Random(width as u64).bytes(width * height);
        let image = Gray::new(&data, width, height, width).expect("a valid image");
        for cutoff in [0.1, 0.25, 0.333, 0.5, 0.8] {
            let expected = definition::high_frequency_share(image, cutoff);
            each_isa(|isa| {
                let found = high_frequency_share(isa, image, cutoff);
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{width}×{height} above {cutoff}: {found}, expected {expected}"
                );
            });
        }
    }
}

#[test]
fn tiles_cover_the_image_exactly_once() {
    let data = [0; 70 * 50];
    for (width, height, side) in [(70, 50, 16), (70, 50, 200), (3, 50, 4), (64, 48, 16)] {
        let image = Gray::new(&data, width, height, width).expect("a valid image");
        let (tiles, [down, across]) = tiles(image, side);
        assert_eq!(tiles.len(), down * across);
        assert_eq!(tiles.iter().map(|tile| tile.width() * tile.height()).sum::<usize>(), width * height);
        assert!(tiles.iter().all(|tile| tile.width() <= side * 3 / 2 && tile.height() <= side * 3 / 2));
    }
}

/// Rows longer than the chunks that are summed in 32 bits, with the largest possible values.
#[test]
fn long_rows_do_not_overflow() {
    let (width, height) = (20_001, 5);
    let checkered: Vec<u8> =
        (0..width * height).map(|i| if (i / width + i % width) % 2 == 0 { 255 } else { 0 }).collect();
    let image = Gray::new(&checkered, width, height, width).expect("a valid image");
    each_isa(|isa| assert_eq!(laplacian_variance(isa, image), definition::laplacian_variance(image)));
    each_isa(|isa| assert_eq!(reblur_sharpness(isa, image), definition::reblur_sharpness(image)));
    each_isa(|isa| assert_eq!(tenengrad(isa, image), definition::tenengrad(image)));
}

#[test]
fn a_flat_image_has_zero_sharpness() {
    let image = Gray::new(&[7; 64], 8, 8, 8).expect("a valid image");
    assert_eq!(laplacian_variance(Isa::best(), image), 0.0);
    assert_eq!(reblur_sharpness(Isa::best(), image), 0.0);
    assert_eq!(tenengrad(Isa::best(), image), 0.0);
    assert_eq!(high_frequency_share(Isa::best(), image, 0.25), 0.0);
}

#[test]
fn a_crop_is_measured_by_its_own_pixels_only() {
    let data = Random(3).bytes(40 * 30);
    let crop = Gray::new(&data, 40, 30, 40).and_then(|g| g.crop(5, 6, 35, 29)).expect("inside");
    let copied: Vec<u8> = (0..crop.height()).flat_map(|y| crop.row(y).to_vec()).collect();
    let copy = Gray::new(&copied, 30, 23, 30).expect("a valid image");
    assert_eq!(laplacian_variance(Isa::best(), crop), laplacian_variance(Isa::best(), copy));
    assert_eq!(reblur_sharpness(Isa::best(), crop), reblur_sharpness(Isa::best(), copy));
}
