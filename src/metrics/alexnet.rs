//! The baseline of ImageNet-C: AlexNet's errors. There is none for CIFAR.

use super::ce::{ErrorRow, ErrorTable};

/// Mean error of AlexNet over the five severities in per cent (RobustBench's file of ImageNet-C; the table of Hendrycks and
/// Dietterich differs by 0.7 at most).
const MEAN: [(&str, f64); 15] = [
    ("gaussian_noise", 88.16),
    ("shot_noise", 88.83),
    ("impulse_noise", 91.72),
    ("defocus_blur", 82.20),
    ("glass_blur", 83.08),
    ("motion_blur", 78.72),
    ("zoom_blur", 79.57),
    ("snow", 86.80),
    ("frost", 83.15),
    ("fog", 82.36),
    ("brightness", 55.85),
    ("contrast", 85.43),
    ("elastic_transform", 64.80),
    ("pixelate", 71.86),
    ("jpeg_compression", 60.68),
];

/// AlexNet's error on clean ImageNet, as Hendrycks and Dietterich give it (43.5 %).
const CLEAN: f64 = 0.435;

/// AlexNet under the 15 corruptions of ImageNet-C. Only the mean over severities is published, so every severity has the mean:
/// sums over all five, and so CE, are right; single severities are not, and must not be shown.
#[must_use]
pub fn alexnet() -> ErrorTable {
    let row = |(name, mean): (&str, f64)| {
        let names = [name, if name == "frost" { "frost-synthetic" } else { name }];
        let row =
            |name: &str| ErrorRow { name: name.into(), severities: (1..=5).collect(), errors: vec![mean / 100.0; 5] };
        names.map(row)
    };
    let mut rows: Vec<ErrorRow> = MEAN.into_iter().flat_map(row).collect();
    rows.dedup_by(|a, b| a.name == b.name);
    ErrorTable { clean: CLEAN, rows }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_has_the_fifteen_and_drawn_frost() {
        let table = super::alexnet();
        assert_eq!(table.rows.len(), 16);
        assert!((table.row("fog").expect("fog").errors.iter().sum::<f64>() - 5.0 * 0.8236).abs() < 1e-12);
    }
}
