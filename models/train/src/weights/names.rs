//! Which tensor of a file is which of a network.

use std::collections::{HashMap, HashSet};

use super::{Entry, Layout};
use crate::{Net, suggest};

/// Problems that are told one by one.
const TOLD: usize = 20;

/// Pairs of a tensor of `net` and an entry of the file.
pub(super) fn matches(
    net: &Net,
    layout: Layout,
    except: &[String],
    entries: &[Entry],
) -> Result<Vec<(usize, usize)>, String> {
    let kept = kept(net, except)?;
    let index: HashMap<&str, usize> = net.tensors().iter().enumerate().map(|(at, t)| (&t.name[..], at)).collect();
    let known: Vec<&str> = net.tensors().iter().map(|tensor| &tensor.name[..]).collect();
    let mut problems = Vec::new();
    let mut unknown = Vec::new();
    let mut seen = HashSet::new();
    let mut pairs = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let Some(name) = own_name(layout, &entry.name, &index) else {
            if !is_counter(&entry.name) && !is_below(except, &slashed(layout, &entry.name)) {
                unknown.push(&entry.name[..]);
            }
            continue;
        };
        let tensor = index[name];
        if kept.contains(&net.tensors()[tensor].layer) {
            continue;
        }
        if !seen.insert(tensor) {
            problems.push(format!("{name:?} is there twice, once as {:?}", entry.name));
            continue;
        }
        let expected = layout.shape(net, tensor);
        if entry.shape == expected {
            pairs.push((tensor, at));
        } else {
            let fits = |other: &Layout| *other != layout && other.shape(net, tensor) == entry.shape;
            let hint = Layout::ALL.into_iter().find(fits).map_or(String::new(), |other| {
                format!(" (that is the layout of {0}: say that it is {0})", other.name())
            });
            problems.push(format!("{:?} has shape {:?}, expected {expected:?}{hint}", entry.name, entry.shape));
        }
    }
    let missing = |at: &usize| !seen.contains(at) && !kept.contains(&net.tensors()[*at].layer);
    problems.extend((0..known.len()).filter(missing).map(|at| {
        let near = suggest(known[at], &unknown);
        format!("{:?} {:?} is missing{near}", known[at], layout.shape(net, at))
    }));
    problems.extend(unknown.iter().map(|name| format!("{name:?} is unknown{}", suggest(name, &known))));
    if problems.is_empty() { Ok(pairs) } else { Err(told(net, &problems)) }
}

fn told(net: &Net, problems: &[String]) -> String {
    let mut text = format!("not the weights of {:?}:", net.name());
    problems.iter().take(TOLD).for_each(|problem| text.push_str(&format!("\n  {problem}")));
    if problems.len() > TOLD {
        text.push_str(&format!("\n  and {} more", problems.len() - TOLD));
    }
    text
}

/// The layers that `except` names.
fn kept(net: &Net, except: &[String]) -> Result<HashSet<usize>, String> {
    let names: Vec<&str> = net.layers().iter().map(|layer| &layer.name[..]).collect();
    for prefix in except {
        if !names.iter().any(|name| is_below(std::slice::from_ref(prefix), name)) {
            return Err(format!("there is no layer {prefix:?} to leave out{}", suggest(prefix, &names)));
        }
    }
    let layers = names.iter().enumerate().filter(|(_, name)| is_below(except, name));
    Ok(layers.map(|(at, _)| at).collect())
}

/// Whether `name` is that of one of the `layers`, of something in them, or of one of their tensors.
fn is_below(layers: &[String], name: &str) -> bool {
    layers
        .iter()
        .any(|layer| name.strip_prefix(&layer[..]).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.'])))
}

/// PyTorch counts batches in every batch normalisation; nothing needs the number.
fn is_counter(name: &str) -> bool {
    name.ends_with(".num_batches_tracked")
}

/// With `/` between the parts of a layer's name.
fn slashed(layout: Layout, name: &str) -> String {
    if layout == Layout::Tflite { name.to_owned() } else { name.replace('.', "/") }
}

/// The network's name for what a file calls `name`.
fn own_name<'a>(layout: Layout, name: &str, index: &HashMap<&'a str, usize>) -> Option<&'a str> {
    let name = if layout == Layout::Keras { name.strip_suffix(":0").unwrap_or(name) } else { name };
    let split = match layout {
        Layout::Keras => name.rfind(['.', '/']),
        _ => name.rfind('.'),
    };
    let (layer, word) = name.split_at(split?);
    let word = &word[1..];
    let own: &[&str] = match (layout, word) {
        (Layout::Torch, "weight") => &["weight", "gamma"],
        (Layout::Torch, "bias") => &["bias", "beta"],
        (Layout::Torch, "running_mean") | (Layout::Keras, "moving_mean") => &["mean"],
        (Layout::Torch, "running_var") | (Layout::Keras, "moving_variance") => &["variance"],
        (Layout::Keras, "kernel" | "depthwise_kernel") => &["weight"],
        (_, word) => &[word],
    };
    let layer = slashed(layout, layer);
    own.iter().find_map(|word| index.get_key_value(&format!("{layer}.{word}")[..]).map(|(name, _)| *name))
}
