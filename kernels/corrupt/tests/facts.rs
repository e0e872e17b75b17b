//! What the published generators do and a reader of the paper would not guess, one test a fact.

mod common;

use common::{corrupted, picture};
use edgebench_corrupt::{Constants, Corruption, Corruptor, Error, ImageView, Photograph, Severity};

const RGB: [usize; 3] = [32, 32, 3];

fn grey_field(value: u8) -> Vec<u8> {
    vec![value; 32 * 32 * 3]
}

fn mean(data: &[u8]) -> f64 {
    data.iter().map(|&v| f64::from(v)).sum::<f64>() / data.len() as f64
}

fn deviation(data: &[u8]) -> f64 {
    let m = mean(data);
    (data.iter().map(|&v| (f64::from(v) - m).powi(2)).sum::<f64>() / data.len() as f64).sqrt()
}

fn large(kind: Corruption, severity: u8, value: u8) -> Vec<u8> {
    corrupted(kind, severity, &vec![value; 200 * 200 * 3], [200, 200, 3], 3)
}

/// σ · 255, and half a step less in the mean: values are cut, not rounded.
#[test]
fn gaussian_noise_is_cut() {
    for (severity, sigma) in [(1, 0.04), (2, 0.06), (3, 0.08), (4, 0.09), (5, 0.10)] {
        let out = large(Corruption::GaussianNoise, severity, 128);
        assert!((mean(&out) - 127.5).abs() < 0.4, "{}", mean(&out));
        assert!((deviation(&out) - 255.0 * sigma).abs() < 0.3, "{}", deviation(&out));
    }
}

#[test]
fn speckle_noise_grows_with_the_value_and_spares_black() {
    assert_eq!(large(Corruption::SpeckleNoise, 5, 0), vec![0; 120_000]);
    let [dark, bright] = [40, 100].map(|v| deviation(&large(Corruption::SpeckleNoise, 5, v)));
    assert!((dark - 8.0).abs() < 0.2 && (bright - 20.0).abs() < 0.3, "{dark} {bright}");
}

#[test]
fn shot_noise_counts_photons() {
    let out = large(Corruption::ShotNoise, 5, 128);
    let sigma = 255.0 * (128.0 / 255.0 / 50.0f64).sqrt();
    assert!((deviation(&out) - sigma).abs() < 0.5, "{}", deviation(&out));
    let levels: std::collections::BTreeSet<u8> = out.iter().copied().collect();
    assert!(levels.iter().all(|&v| (0..=50).any(|k| (f64::from(k) / 50.0 * 255.0) as u8 == v)));
}

/// Elements, not pixels; half black, half white.
#[test]
fn impulse_noise_hits_channels_on_their_own() {
    for (severity, p) in [(1, 0.01), (5, 0.07)] {
        let out = large(Corruption::ImpulseNoise, severity, 128);
        let share = |value: u8| out.iter().filter(|&&v| v == value).count() as f64 / out.len() as f64;
        assert!((share(0) - p / 2.0).abs() < 0.003 && (share(255) - p / 2.0).abs() < 0.003);
        let whole = out.chunks(3).filter(|p| p.iter().all(|&v| v != 128)).count() as f64 / 40_000.0;
        assert!(whole < 3.0 * p * p * p + 1e-3, "{whole}");
    }
}

/// Both pixels become the source: far more of them are equal to a neighbour than a swap would leave.
#[test]
fn glass_copies_instead_of_swapping() {
    let data = picture(32, 32, 3);
    let out = corrupted(Corruption::GlassBlur, 1, &data, RGB, 0);
    let (image, seen) = (data.as_chunks::<3>().0, out.as_chunks::<3>().0);
    let set: std::collections::BTreeSet<_> = seen.iter().collect();
    let all: std::collections::BTreeSet<_> = image.iter().collect();
    // σ = 0.05 blurs nothing, so that values are copied as they are, and some are lost.
    assert!(set.is_subset(&all));
    assert!(set.len() < all.len());
    // Row and column 0 are only ever read; so is 1 but as the source's own place.
    assert_eq!(image[..32], seen[..32]);
    for h in 2..32 {
        for w in 2..32 {
            let near = |dy: usize, dx: usize| image[(h - dy) * 32 + w - dx];
            assert!([near(0, 0), near(0, 1), near(1, 0), near(1, 1)].contains(&seen[h * 32 + w]), "{h} {w}");
        }
    }
}

#[test]
fn weak_defocus_is_a_small_gaussian() {
    let mut data = grey_field(0);
    data[(16 * 32 + 16) * 3] = 255;
    let out = corrupted(Corruption::DefocusBlur, 1, &data, RGB, 0);
    let lit = out.iter().filter(|&&v| v > 0).count();
    assert_eq!(lit, 5, "centre and four neighbours; the corners are below 1");
}

#[test]
fn zoom_keeps_the_centre_and_severities_mix_more() {
    let data = picture(32, 32, 3);
    let change = |severity| -> f64 {
        let out = corrupted(Corruption::ZoomBlur, severity, &data, RGB, 0);
        data.iter().zip(out).map(|(&a, b)| f64::from(a.abs_diff(b))).sum()
    };
    for severity in 1..5 {
        assert!(change(severity) < change(severity + 1), "{severity}");
    }
}

/// The flakes are added twice, the second time turned by 180°.
#[test]
fn snow_falls_twice() {
    let out = corrupted(Corruption::Snow, 3, &grey_field(0), RGB, 0);
    let turned: Vec<u8> = out.as_chunks::<3>().0.iter().rev().flatten().copied().collect();
    assert_eq!(out, turned);
    assert!(deviation(&out) > 5.0);
}

#[test]
fn frost_takes_five_photographs_cuts_them_and_weighs_them() {
    let photographs: Vec<Photograph> = (0..6u8)
        .map(|i| {
            let data = vec![40 * i + 10; 170 * 170 * 3];
            Photograph::new(ImageView::new(&data, 170, 170, 3).unwrap(), Constants::Cifar)
        })
        .collect();
    let mut corruptor = Corruptor::new(Constants::Cifar, 1).with_frost(&photographs).unwrap();
    let data = grey_field(100);
    let image = ImageView::new(&data, 32, 32, 3).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    let mut out = vec![0; data.len()];
    for index in 0..200 {
        corruptor.apply(Corruption::Frost, Severity::new(3).unwrap(), image, index, &mut out).unwrap();
        assert!(out.iter().all(|&v| v == out[0]));
        seen.insert(out[0]);
    }
    let want: std::collections::BTreeSet<u8> =
        (0..5).map(|i| (0.9 * 100.0 + 0.4 * f64::from(40 * i + 10)) as u8).collect();
    assert_eq!(seen, want);
}

#[test]
fn photographs_must_be_larger_than_the_image() {
    let data = vec![9; 160 * 400 * 3];
    let small = [Photograph::new(ImageView::new(&data, 160, 400, 3).unwrap(), Constants::Cifar)];
    let mut corruptor = Corruptor::new(Constants::Cifar, 1).with_frost(&small).unwrap();
    let field = grey_field(1);
    let image = ImageView::new(&field, 32, 32, 3).unwrap();
    let error = corruptor.apply(Corruption::Frost, Severity::ALL[0], image, 0, &mut grey_field(0)).unwrap_err();
    assert!(matches!(error, Error::SmallFrost { number: 0, height: 32, width: 80, .. }), "{error}");
    assert_eq!(Corruptor::new(Constants::Cifar, 1).with_frost(&[]).err(), Some(Error::NoFrost));
}

/// The largest value of the clean image stays the largest.
#[test]
fn fog_never_brightens_above_the_clean_maximum() {
    for severity in 1..=5 {
        let data: Vec<u8> = picture(32, 32, 3).iter().map(|&v| v / 2).collect();
        let out = corrupted(Corruption::Fog, severity, &data, RGB, 0);
        assert!(out.iter().max() <= data.iter().max());
    }
    assert_eq!(corrupted(Corruption::Fog, 5, &grey_field(0), RGB, 0), grey_field(0));
}

#[test]
fn contrast_shrinks_to_the_mean_of_each_channel() {
    let data = picture(32, 32, 3);
    let out = corrupted(Corruption::Contrast, 5, &data, RGB, 0);
    for channel in 0..3 {
        let of = |data: &[u8]| data.iter().copied().skip(channel).step_by(3).collect::<Vec<_>>();
        let (clean, flat) = (of(&data), of(&out));
        assert!((mean(&clean) - mean(&flat) - 0.5).abs() < 0.2);
        assert!((deviation(&flat) / deviation(&clean) - 0.15).abs() < 0.01);
    }
}

#[test]
fn brightness_moves_the_value_and_saturate_spares_grey() {
    let out = corrupted(Corruption::Brightness, 5, &grey_field(100), RGB, 0);
    assert!(out.iter().all(|&v| v == 176), "100 + 0.3 · 255 = 176.5, cut: {}", out[0]);
    let grey = picture(32, 32, 1);
    assert_eq!(corrupted(Corruption::Saturate, 3, &grey, [32, 32, 1], 0), grey);
}

/// Severity 1 is the affine map alone; the same for every σ of the field.
#[test]
fn elastic_keeps_flat_fields_and_moves_the_rest() {
    for severity in 1..=5 {
        let flat = corrupted(Corruption::ElasticTransform, severity, &grey_field(200), RGB, 0);
        assert!(flat.iter().all(|&v| v == 200 || v == 199));
    }
    let data = picture(32, 32, 3);
    let [a, b] = [0, 1].map(|index| corrupted(Corruption::ElasticTransform, 1, &data, RGB, index));
    assert!(a != data && a != b);
}

/// Blocks of 32/24 pixels: some values are copied twice.
#[test]
fn pixelate_works_at_the_sides_of_the_published_set() {
    let data = picture(32, 32, 3);
    let rows = |severity| {
        let out = corrupted(Corruption::Pixelate, severity, &data, RGB, 0);
        let rows: std::collections::BTreeSet<_> = out.chunks(96).map(<[u8]>::to_vec).collect();
        rows.len()
    };
    assert!(rows(5) <= 32 && rows(1) <= 32);
    let tiny = corrupted(Corruption::Pixelate, 5, &[7, 9], [1, 2, 1], 0);
    assert_eq!(tiny, [8, 8]);
}

#[test]
fn jpeg_knows_no_chance_and_loses_more_at_lower_quality() {
    let data = picture(32, 32, 3);
    let loss = |severity| -> u64 {
        let out = corrupted(Corruption::JpegCompression, severity, &data, RGB, severity.into());
        data.iter().zip(out).map(|(&a, b)| u64::from(a.abs_diff(b)).pow(2)).sum()
    };
    assert!(loss(1) < loss(2) && loss(2) < loss(4) && loss(4) < loss(5));
}

#[test]
fn only_what_is_random_depends_on_seed_and_number() {
    let data = picture(32, 32, 3);
    for kind in Corruption::ALL {
        for severity in 1..=5 {
            let [a, b] = [0, 1].map(|index| corrupted(kind, severity, &data, RGB, index));
            assert_eq!(a != b, kind.is_random(), "{kind} {severity}");
        }
    }
}

#[test]
fn every_size_works() {
    for size in [[1, 1, 1], [1, 1, 3], [2, 3, 3], [1, 40, 3], [40, 1, 1], [5, 5, 3], [17, 9, 1], [64, 33, 3]] {
        let data = picture(size[0], size[1], size[2]);
        for set in Constants::ALL {
            for kind in Corruption::ALL {
                for severity in Severity::ALL {
                    let image = ImageView::new(&data, size[0], size[1], size[2]).unwrap();
                    let mut out = vec![0; data.len()];
                    Corruptor::new(set, 9).apply(kind, severity, image, 3, &mut out).unwrap();
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let view = |len: usize, h, w, c| ImageView::new(&vec![0; len], h, w, c).map(|_| ()).unwrap_err();
    assert!(matches!(view(0, 0, 4, 3), Error::Size { .. }));
    assert!(matches!(view(4, usize::MAX, 4, 1), Error::Size { .. }));
    assert!(matches!(view(16, 2, 2, 4), Error::Channels { got: 4 }));
    assert!(matches!(view(11, 2, 2, 3), Error::Length { got: 11, expected: 12, .. }));
    assert!(matches!(Severity::new(6), Err(Error::Severity { got: 6 })));
    let image = [0; 12];
    let image = ImageView::new(&image, 2, 2, 3).unwrap();
    let short = Corruptor::new(Constants::Cifar, 0).apply(Corruption::Fog, Severity::ALL[0], image, 0, &mut [0; 11]);
    assert!(matches!(short, Err(Error::Length { what: "output", .. })));
}
