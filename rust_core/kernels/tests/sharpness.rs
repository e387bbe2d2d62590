//! Every instruction set gives exactly what the definition gives.

mod common;

use common::{Random, each_isa, each_picture};
use photofinish_kernels::sharpness::{REBLUR_MIN_SIDE, definition, laplacian_variance, reblur_sharpness};
use photofinish_kernels::{Gray, Isa};

#[test]
fn laplacian_equals_its_definition() {
    each_picture(1, |picture, what| {
        let expected = definition::laplacian_variance(picture);
        each_isa(|isa| assert_eq!(laplacian_variance(isa, picture), expected, "{what} on {}", isa.name()));
    });
}

#[test]
fn reblur_equals_its_definition() {
    each_picture(REBLUR_MIN_SIDE, |picture, what| {
        let expected = definition::reblur_sharpness(picture);
        each_isa(|isa| assert_eq!(reblur_sharpness(isa, picture), expected, "{what} on {}", isa.name()));
    });
}

/// Rows longer than the pieces that are summed in 32 bits, with the largest possible values.
#[test]
fn long_rows_do_not_overflow() {
    let (width, height) = (20_001, 5);
    let checkered: Vec<u8> =
        (0..width * height).map(|i| if (i / width + i % width) % 2 == 0 { 255 } else { 0 }).collect();
    let picture = Gray::new(&checkered, width, height, width).expect("a valid picture");
    each_isa(|isa| assert_eq!(laplacian_variance(isa, picture), definition::laplacian_variance(picture)));
    each_isa(|isa| assert_eq!(reblur_sharpness(isa, picture), definition::reblur_sharpness(picture)));
}

#[test]
fn a_flat_picture_has_no_sharpness() {
    let picture = Gray::new(&[7; 64], 8, 8, 8).expect("a valid picture");
    assert_eq!(laplacian_variance(Isa::best(), picture), 0.0);
    assert_eq!(reblur_sharpness(Isa::best(), picture), 0.0);
}

#[test]
fn a_crop_counts_only_its_own_pixels() {
    let data = Random(3).bytes(40 * 30);
    let crop = Gray::new(&data, 40, 30, 40).and_then(|g| g.crop(5, 6, 35, 29)).expect("inside");
    let copied: Vec<u8> = (0..crop.height()).flat_map(|y| crop.row(y).to_vec()).collect();
    let copy = Gray::new(&copied, 30, 23, 30).expect("a valid picture");
    assert_eq!(laplacian_variance(Isa::best(), crop), laplacian_variance(Isa::best(), copy));
    assert_eq!(reblur_sharpness(Isa::best(), crop), reblur_sharpness(Isa::best(), copy));
}
