//! Places for labels beside points, so that they cover neither each other nor the points.

/// Width of a character and height of a line.
const GLYPH: (f64, f64) = (7.5, 12.0);

/// A label's place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    /// Middle of the text.
    pub(super) x: f64,
    pub(super) y: f64,
    /// Whether it stands so far off that a line must lead to it.
    pub(super) far: bool,
}

/// A place for each text at its point of radius `radius`, within `(left, top, right, bottom)`.
pub(super) fn place(points: &[(f64, f64, String)], radius: f64, frame: (f64, f64, f64, f64)) -> Vec<Spot> {
    let mut placed: Vec<(Spot, f64)> = Vec::new();
    for (x, y, text) in points {
        let width = GLYPH.0 * text.chars().count() as f64;
        let mut best: Option<(f64, Spot)> = None;
        for (ring, distance) in [radius + 9.0, radius + 21.0, radius + 35.0, radius + 51.0].into_iter().enumerate() {
            for at in 0..12 {
                // Right, then above and below, left last.
                let turn = f64::from([0, 1, 11, 2, 10, 3, 9, 4, 8, 5, 7, 6][at]) * std::f64::consts::TAU / 12.0;
                let spot = Spot { x: x + distance * turn.cos(), y: y - distance * turn.sin(), far: ring > 0 };
                let cost = cost(spot, width, points, &placed, radius, frame) + 3.0 * ring as f64 + 0.05 * at as f64;
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, spot));
                }
            }
        }
        let spot = best.map_or(Spot { x: *x, y: *y, far: false }, |(_, spot)| spot);
        placed.push((spot, width));
    }
    placed.into_iter().map(|(spot, _)| spot).collect()
}

fn cost(
    spot: Spot,
    width: f64,
    points: &[(f64, f64, String)],
    placed: &[(Spot, f64)],
    radius: f64,
    (left, top, right, bottom): (f64, f64, f64, f64),
) -> f64 {
    let (w, h) = (width / 2.0, GLYPH.1 / 2.0);
    let outside = spot.x - w < left || spot.x + w > right || spot.y - h < top || spot.y + h > bottom;
    let on_point = |(x, y, _): &&(f64, f64, String)| (x - spot.x).abs() < w + radius && (y - spot.y).abs() < h + radius;
    let on_label = |(other, width): &&(Spot, f64)| {
        (other.x - spot.x).abs() < w + width / 2.0 && (other.y - spot.y).abs() < 2.0 * h
    };
    let covered = points.iter().filter(on_point).count() as f64;
    let crowded = placed.iter().filter(on_label).count() as f64;
    100.0 * f64::from(u8::from(outside)) + 10.0 * covered + 20.0 * crowded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_near_points_are_apart() {
        let points: Vec<(f64, f64, String)> = (0..6).map(|at| (100.0 + f64::from(at), 100.0, at.to_string())).collect();
        let spots = place(&points, 6.0, (0.0, 0.0, 300.0, 300.0));
        for (at, a) in spots.iter().enumerate() {
            for b in &spots[..at] {
                assert!((a.x - b.x).abs() >= 7.5 || (a.y - b.y).abs() >= 12.0, "{a:?} {b:?}");
            }
        }
    }
}
