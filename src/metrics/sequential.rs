//! Stopping as soon as a condition is decided, with a stated error rate however often one looks.
//!
//! The units are blocks of images in random order, each seen under every condition: a unit's errors under all conditions belong
//! together, whatever their correlation. The figure is made linear around the means so far (delta method), and its distance from
//! the limit is followed by an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform
//! central limit theory and asymptotic confidence sequences", Annals of Statistics 2024, equation for the normal mixture). Units
//! are drawn without replacement from the set that the verdict is about: the mean of `k` of `K` behaves as that of
//! `k / (1 - k / K)` independent ones (a Brownian bridge is a Brownian motion in another time).

use super::criterion::{Criterion, Limit, Quantity, Relation};

/// Fewer units than this decide nothing: variances are not known yet.
const LEAST: usize = 20;

/// What is known of the figure that a condition is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Whether the condition holds; none while that is open.
    pub verdict: Option<bool>,
    /// The figure less the limit (less the baseline's figure, for `BASE`), so far.
    pub distance: f64,
    /// Half of the width of its confidence interval, valid at all looks together.
    pub half_width: f64,
}

/// Errors of one unit under every condition, clean images first.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Images.
    pub images: f64,
    /// Wrong answers of the model.
    pub model: Vec<f64>,
    /// Wrong answers of the baseline; empty if it was not measured beside the model.
    pub base: Vec<f64>,
}

/// A condition that is followed.
#[derive(Clone, Debug)]
pub struct Follower<'a> {
    /// The condition.
    pub criterion: &'a Criterion,
    /// Index of the corruption of every condition; none for clean images.
    pub corruption_of: &'a [Option<usize>],
    /// Known error rates of the baseline in the order of the conditions, if it was measured before.
    pub known_base: Option<&'a [f64]>,
    /// Probability of a wrong verdict, at most; 0 to 1.
    pub error_rate: f64,
}

impl Follower<'_> {
    /// What `units`, drawn from `all` in random order, say. All of them decide exactly.
    #[must_use]
    pub fn look(&self, units: &[Unit], all: usize) -> Estimate {
        let images: f64 = units.iter().map(|unit| unit.images).sum();
        let mean = |of: fn(&Unit) -> &[f64]| -> Vec<f64> {
            let n = units.first().map_or(0, |unit| of(unit).len());
            (0..n).map(|at| units.iter().map(|unit| of(unit)[at]).sum::<f64>() / images).collect()
        };
        let (model, base) = (mean(|unit| &unit.model), mean(|unit| &unit.base));
        let line = self.linear(&model, if base.is_empty() { self.known_base.unwrap_or(&[]) } else { &base });
        let open = Estimate { verdict: None, distance: line.value, half_width: f64::INFINITY };
        if !line.value.is_finite() {
            return open;
        }
        let decided = |value: f64| match self.criterion.relation {
            Relation::Below => value < 0.0,
            Relation::AtMost => value <= 0.0,
            Relation::Above => value > 0.0,
            Relation::AtLeast => value >= 0.0,
        };
        if units.len() >= all {
            return Estimate { verdict: Some(decided(line.value)), half_width: 0.0, ..open };
        }
        if units.len() < LEAST {
            return open;
        }
        let deviation = self.deviation(units, &line, (&model, &base), images);
        let k = units.len() as f64;
        let half_width = deviation * boundary(k / (1.0 - k / all as f64), self.error_rate);
        let verdict = (line.value.abs() > half_width).then(|| decided(line.value));
        Estimate { verdict, half_width, ..open }
    }

    /// Standard deviation of a unit's influence on the figure.
    fn deviation(&self, units: &[Unit], line: &Linear, (model, base): (&[f64], &[f64]), images: f64) -> f64 {
        let size = images / units.len() as f64;
        let influence = |unit: &Unit| {
            let part = |gradient: &[f64], wrong: &[f64], mean: &[f64]| -> f64 {
                gradient.iter().zip(wrong).zip(mean).map(|((g, wrong), mean)| g * (wrong - unit.images * mean)).sum()
            };
            (part(&line.by_model, &unit.model, model) + part(&line.by_base, &unit.base, base)) / size
        };
        let square: f64 = units.iter().map(|unit| influence(unit).powi(2)).sum::<f64>() / (units.len() as f64 - 1.0);
        // A condition without errors so far still has some: as if the next image were one.
        let gradients = line.by_model.iter().chain(&line.by_base);
        let floor: f64 = gradients.map(|g| g * g).sum::<f64>() / (images + 2.0) / size;
        square.max(floor).sqrt()
    }

    /// The distance from the limit and how it changes with each error rate.
    fn linear(&self, model: &[f64], base: &[f64]) -> Linear {
        let mut line = Linear { value: 0.0, by_model: vec![0.0; model.len()], by_base: vec![0.0; base.len()] };
        match self.criterion.quantity {
            Quantity::Mce => self.mce(model, base, &mut line),
            quantity => {
                let clean = quantity == Quantity::Clean;
                let weight = |of: &Option<usize>| match (clean, of) {
                    (true, None) => -1.0,
                    (false, Some(_)) => 1.0,
                    _ => 0.0,
                };
                let mut weights: Vec<f64> = self.corruption_of.iter().map(weight).collect();
                let sum: f64 = weights.iter().map(|weight| weight.abs()).sum();
                weights.iter_mut().for_each(|weight| *weight /= sum);
                let figure = |errors: &[f64]| -> f64 {
                    f64::from(u8::from(clean))
                        + errors.iter().zip(&weights).map(|(error, weight)| error * weight).sum::<f64>()
                };
                line.value = figure(model);
                if matches!(self.criterion.limit, Limit::Base(_)) {
                    line.value = if base.is_empty() { f64::NAN } else { line.value - figure(base) };
                    line.by_base.iter_mut().zip(&weights).for_each(|(gradient, weight)| *gradient = -weight);
                }
                line.by_model = weights;
            }
        }
        line.value -= match self.criterion.limit {
            Limit::Number(number) | Limit::Base(number) => number,
        };
        line
    }

    fn mce(&self, model: &[f64], base: &[f64], line: &mut Linear) {
        let kinds = self.corruption_of.iter().flatten().max().map_or(0, |last| last + 1);
        let sum = |errors: &[f64], kind: usize| -> f64 {
            errors.iter().zip(self.corruption_of).filter(|(_, of)| **of == Some(kind)).map(|(error, _)| error).sum()
        };
        for kind in 0..kinds {
            let (errors, expected) = (sum(model, kind), sum(base, kind));
            let unit = 100.0 / kinds as f64 / expected;
            line.value += unit * errors;
            for (at, _) in self.corruption_of.iter().enumerate().filter(|(_, of)| **of == Some(kind)) {
                line.by_model[at] = unit;
                if let Some(gradient) = line.by_base.get_mut(at) {
                    *gradient = -unit * errors / expected;
                }
            }
        }
        if matches!(self.criterion.limit, Limit::Base(_)) {
            // The baseline is 100 % of itself.
            line.value -= 100.0;
        }
        if self.known_base.is_some() {
            line.by_base.clear();
        }
    }
}

struct Linear {
    value: f64,
    by_model: Vec<f64>,
    by_base: Vec<f64>,
}

/// Half width of the confidence sequence for the mean of `n` values with deviation 1, narrowest near 60 values.
fn boundary(n: f64, error_rate: f64) -> f64 {
    let level = -2.0 * error_rate.ln();
    let rho2 = (level + level.ln() + 1.0) / 60.0;
    let grown = n * rho2 + 1.0;
    (2.0 * grown / (n * n * rho2) * (grown.sqrt() / error_rate).ln()).sqrt()
}

/// Numbers 0 to `n - 1` in an order that `seed` decides (Fisher and Yates).
#[must_use]
pub fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for at in (1..n).rev() {
        let random = super::bootstrap::mix(super::bootstrap::mix(seed) ^ at as u64);
        order.swap(at, ((u128::from(random) * (at as u128 + 1)) >> 64) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::bootstrap::mix;

    const BLOCK: usize = 20;
    const UNITS: usize = 500;
    const CONDITIONS: usize = 7;
    const OF: [Option<usize>; CONDITIONS] = [None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(2)];

    fn uniform(key: u64) -> f64 {
        (mix(key) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// 10,000 images, some hard under every condition for both models; the model is `harm` worse where images are corrupted.
    fn population(seed: u64, harm: f64) -> Vec<Unit> {
        let mut units = Vec::new();
        for number in 0..UNITS {
            let (mut model, mut base) = (vec![0.0; CONDITIONS], vec![0.0; CONDITIONS]);
            for image in 0..BLOCK {
                let image = (seed << 40) ^ ((number * BLOCK + image) as u64) << 8;
                let hard = uniform(image);
                for at in 0..CONDITIONS {
                    let rate = 0.1 + 0.06 * at as f64;
                    let noise = |who: u64| 0.7 * hard + 0.3 * uniform(image ^ (at as u64 + 1) << 3 ^ who);
                    base[at] += f64::from(u8::from(noise(1) < rate));
                    let more = if at > 0 { rate * harm } else { 0.0 };
                    model[at] += f64::from(u8::from(noise(2) < rate + more));
                }
            }
            units.push(Unit { images: BLOCK as f64, model, base });
        }
        units
    }

    /// Verdict and units that it took, looking after every tenth.
    fn replay(follower: &Follower<'_>, population: &[Unit], seed: u64) -> (bool, usize) {
        let units: Vec<Unit> = shuffled(UNITS, seed).into_iter().map(|at| population[at].clone()).collect();
        for k in (10..=UNITS).step_by(10) {
            if let Some(verdict) = follower.look(&units[..k], UNITS).verdict {
                return (verdict, k);
            }
        }
        unreachable!("all units decide")
    }

    /// A condition whose limit is as far from the truth as the standard error of 625 units, were there so many.
    fn close(figure: &str, population: &[Unit]) -> Criterion {
        let zero: Criterion = format!("{figure}0").parse().expect("a criterion");
        let truth = follower(&zero).look(population, UNITS).distance;
        let deviation = follower(&zero).look(&population[..100], UNITS).half_width / boundary(125.0, 0.05);
        format!("{figure}{}", truth + deviation / 25.0).parse().expect("a criterion")
    }

    /// Whether looking often with the interval that is right for one look ends in this wrong verdict.
    fn naive_errs(follower: &Follower<'_>, population: &[Unit], (seed, truth): (u64, bool)) -> bool {
        let units: Vec<Unit> = shuffled(UNITS, seed).into_iter().map(|at| population[at].clone()).collect();
        for k in (LEAST..UNITS).step_by(10) {
            let found = follower.look(&units[..k], UNITS);
            let n = k as f64 / (1.0 - k as f64 / UNITS as f64);
            let deviation = found.half_width / boundary(n, follower.error_rate);
            if found.distance.abs() > 1.96 * deviation / n.sqrt() {
                return (found.distance < 0.0) != truth;
            }
        }
        false
    }

    fn follower(criterion: &Criterion) -> Follower<'_> {
        Follower { criterion, corruption_of: &OF, known_base: None, error_rate: 0.05 }
    }

    /// The limit lies so close to the truth that many units are needed: here errors happen, if at all.
    #[test]
    fn verdicts_are_wrong_no_more_often_than_promised() {
        let (mut wrong, mut naive, mut replays) = (0, 0, 0);
        for (at, figure) in ["mce<=BASE+", "mean_error<", "clean>=", "mean_error<BASE+"].into_iter().enumerate() {
            let population = population(at as u64, 0.06);
            let criterion = close(figure, &population);
            let follower = follower(&criterion);
            let truth = follower.look(&population, UNITS).verdict.expect("all units decide");
            for seed in 0..250 {
                replays += 1;
                wrong += u32::from(replay(&follower, &population, seed).0 != truth);
                let below = (criterion.relation == Relation::AtLeast) != truth;
                naive += u32::from(naive_errs(&follower, &population, (seed, below)));
            }
        }
        eprintln!("{wrong} of {replays} verdicts are wrong, {naive} with intervals for a single look");
        assert!(replays == 1000 && wrong <= 50, "{wrong} of {replays}");
        assert!(naive > 50, "the cases are too clear to tell anything: {naive} of {replays}");
    }

    #[test]
    fn clear_cases_are_decided_with_a_tenth_of_the_images() {
        for (harm, expected) in [(0.0, true), (0.5, false)] {
            let population = population(9, harm);
            let criterion: Criterion = "mce<=BASE+20".parse().expect("a criterion");
            for seed in 0..20 {
                let (verdict, units) = replay(&follower(&criterion), &population, seed);
                assert!(verdict == expected && units <= UNITS / 10, "{harm}: {verdict} after {units}");
            }
        }
    }

    #[test]
    fn without_a_figure_nothing_is_decided() {
        let criterion: Criterion = "mce<=100".parse().expect("a criterion");
        let unit = Unit { images: 20.0, model: vec![1.0; CONDITIONS], base: vec![0.0; CONDITIONS] };
        assert_eq!(follower(&criterion).look(&vec![unit; 30], UNITS).verdict, None);
    }

    #[test]
    fn an_order_has_every_number_once() {
        let mut order = shuffled(100, 3);
        assert_ne!(order, shuffled(100, 4));
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }
}
