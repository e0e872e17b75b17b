//! What a stage promises, looked at in what it has made (SPEC B.5). The known ways to break them (SPEC B.4): clusters that training
//! pulls apart, and kernels that become all zeros.

use std::collections::BTreeSet;

use crate::compress::{chosen, holds, sparsity};
use crate::net::Role;
use crate::recipe::{Kind, Stage};
use crate::technique::cluster::{Clusters, Scope};
use crate::technique::{Channels, WeightPath, prune};
use crate::{Error, Trainer};

/// Checks what `stage` and the stages before it have promised, and says it in words.
///
/// # Errors
/// [`Error::Promise`] with the layer.
pub(crate) fn check(trainer: &Trainer, stage: &Stage) -> Result<Vec<String>, Error> {
    let net = trainer.net();
    let params = trainer.stripped();
    let broken = |at: usize, problem: String| Error::Promise {
        stage: stage.kind.name().to_owned(),
        layer: net.layers()[net.tensors()[at].layer].name.clone(),
        problem,
    };
    let kernels = (0..net.tensors().len()).filter(|&at| net.tensors()[at].role.is_kernel());
    let mut kept = Vec::new();
    let (mut zeros, mut weights, mut most, mut clustered) = (0.0, 0, 0, 0);
    for at in kernels {
        let values = params.get(at);
        let channels = Channels::of(&net.tensors()[at]);
        let Some(path) = &trainer.paths[at] else { continue };
        if values.iter().any(|value| !value.is_finite()) {
            return Err(broken(at, "a weight is not finite".into()));
        }
        if path.mask.is_some() || path.clusters.is_some() {
            alive(values, &trainer.paths[at]).map_err(|problem| broken(at, problem))?;
        }
        if let Some(mask) = &path.mask {
            if let Some(which) = (0..mask.len()).find(|&w| !mask[w] && values[w] != 0.0) {
                return Err(broken(
                    at,
                    format!("weight {which} is {}, expected the 0 that pruning made", values[which]),
                ));
            }
            zeros += sparsity(values) * values.len() as f64;
            weights += values.len();
        }
        if let Some(clusters) = &path.clusters {
            let found = distinct(path, channels, values);
            if found > clusters.k() {
                return Err(broken(at, format!("{found} values, expected at most {}", clusters.k())));
            }
            most = most.max(found);
            clustered += 1;
        }
        if path.quantised {
            quantised(path, channels, values).map_err(|problem| broken(at, problem))?;
        }
    }
    if stage.kind == Kind::Prune {
        let schedule = stage.pruning().map_err(|problem| broken(0, problem))?;
        for at in chosen(net, stage) {
            let (values, channels) = (params.get(at), Channels::of(&net.tensors()[at]));
            let units = values.len() as f64;
            // Whole blocks and channels: one of them may stay when all would go.
            let found = sparsity(values);
            let wanted = match schedule.pattern {
                prune::Pattern::Unstructured => ((schedule.target * units).floor() / units).min((units - 1.0) / units),
                _ => 0.0,
            };
            if found + 1e-9 < wanted {
                return Err(broken(at, format!("{:.2} % zeros, expected {:.2} %", 100.0 * found, 100.0 * wanted)));
            }
            if !holds(schedule.pattern, channels, values) {
                return Err(broken(at, format!("pattern {:?} does not hold", stage.pattern)));
            }
        }
    }
    if weights > 0 {
        kept.push(format!("{:.2} % of the weights of pruned kernels are 0", 100.0 * zeros / weights as f64));
    }
    if clustered > 0 {
        kept.push(format!("{clustered} kernels have at most {most} values"));
    }
    if stage.kind == Kind::Qat {
        for (at, range) in net.tensors().iter().enumerate().filter(|(_, tensor)| tensor.role == Role::Range) {
            let &[lo, hi] = params.get(at) else { continue };
            if !(lo.is_finite() && hi.is_finite() && lo < hi) {
                return Err(broken(at, format!("{} is {lo} to {hi}, expected a range", range.name)));
            }
        }
        kept.push("every kernel and every activation has sane int8 scales".into());
    }
    Ok(kept)
}

/// A kernel of nothing but zeros answers nothing (tfmot's issue 979).
fn alive(values: &[f32], path: &Option<WeightPath>) -> Result<(), String> {
    let all = path.as_ref().and_then(|path| path.mask.as_ref()).is_some_and(|mask| mask.iter().all(|kept| !kept));
    if !all && values.iter().all(|value| *value == 0.0) {
        return Err("every weight is 0".into());
    }
    Ok(())
}

/// Distinct values among those that share them: of the kernel, or of the channel that has most. For scaled clusters also int8 codes
/// of the kernel.
fn distinct(path: &WeightPath, channels: Channels, values: &[f32]) -> usize {
    let scope = path.clusters.as_ref().map(Clusters::scope);
    let by_channel = scope != Some(Scope::Tensor);
    let mut seen = vec![BTreeSet::new(); if by_channel { channels.count } else { 1 }];
    for (at, value) in values.iter().enumerate() {
        // Both zeros are one value.
        seen[if by_channel { channels.channel(at) } else { 0 }].insert((value + 0.0).to_bits());
    }
    let most = seen.iter().map(BTreeSet::len).max().unwrap_or(0);
    if scope != Some(Scope::Scaled) {
        return most;
    }
    let codes = channels.codes(values, &path.scales(channels, values));
    codes.into_iter().collect::<BTreeSet<i8>>().len().max(most)
}

/// Scales are sane, and zeros stay zeros.
fn quantised(path: &WeightPath, channels: Channels, values: &[f32]) -> Result<(), String> {
    let scales = path.scales(channels, values);
    if let Some(scale) = scales.iter().find(|scale| !(scale.is_finite() && **scale > 0.0)) {
        return Err(format!("a scale is {scale}"));
    }
    let codes = channels.codes(values, &scales);
    match values.iter().zip(codes).position(|(value, code)| *value == 0.0 && code != 0) {
        Some(at) => Err(format!("weight {at} is 0, its code is not")),
        None => Ok(()),
    }
}
