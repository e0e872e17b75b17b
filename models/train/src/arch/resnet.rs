//! Residual networks.

use super::{Target, conv, head};
use crate::net::{Activation, LayerId, Op, Window};
use crate::{Error, Net};

const RELU: Option<Activation> = Some(Activation::Relu);

/// Two 3×3 convolutions and the shortcut; where the shape changes, the shortcut is a 1×1 convolution.
fn basic(net: &mut Net, name: &str, from: LayerId, channels: usize, stride: usize) -> Result<LayerId, Error> {
    let x = net.conv_norm(&format!("{name}/a"), from, conv(channels, 3, stride), RELU)?;
    let x = net.conv_norm(&format!("{name}/b"), x, conv(channels, 3, 1), None)?;
    let shortcut = if net.shape(x) == net.shape(from) {
        from
    } else {
        net.add(format!("{name}/shortcut"), Op::Conv(conv(channels, 1, stride)), &[from])?
    };
    add(net, name, x, shortcut)
}

fn add(net: &mut Net, name: &str, x: LayerId, shortcut: LayerId) -> Result<LayerId, Error> {
    let sum = net.add(format!("{name}/add"), Op::Add, &[x, shortcut])?;
    net.add(format!("{name}/act"), Op::Act(Activation::Relu), &[sum])
}

/// The network of `models/zoo`: about 14 thousand parameters.
pub(super) fn digits(target: Target) -> Result<Net, Error> {
    let mut net = Net::new("digits", target.input)?;
    let x = net.conv_norm("stem", 0, conv(16, 3, 2), RELU)?;
    let x = net.depthwise_norm("down1", x, Window::square(3).stride(2), RELU)?;
    let x = net.conv_norm("mix1", x, conv(24, 1, 1), RELU)?;
    let x = basic(&mut net, "block", x, 24, 1)?;
    let x = net.depthwise_norm("down2", x, Window::square(3).stride(2), RELU)?;
    let x = net.conv_norm("mix2", x, conv(48, 1, 1), RELU)?;
    head(&mut net, x, target.classes)?;
    Ok(net)
}

/// MLPerf Tiny's ResNet-8.
pub(super) fn resnet8(target: Target) -> Result<Net, Error> {
    cifar(target, "resnet8", 1)
}

/// `6 · blocks + 2` layers for small images: three stacks of 16, 32 and 64 channels.
pub(super) fn cifar(target: Target, name: &str, blocks: usize) -> Result<Net, Error> {
    let mut net = Net::new(name, target.input)?;
    let mut x = net.conv_norm("stem", 0, conv(16, 3, 1), RELU)?;
    for (stack, channels) in [16, 32, 64].into_iter().enumerate() {
        for block in 0..blocks {
            let stride = if stack > 0 && block == 0 { 2 } else { 1 };
            x = basic(&mut net, &format!("stack{}/block{}", stack + 1, block + 1), x, channels, stride)?;
        }
    }
    head(&mut net, x, target.classes)?;
    Ok(net)
}

/// ResNet-50 and its classifier.
pub(super) fn resnet50(target: Target) -> Result<Net, Error> {
    let mut net = Net::new("resnet50", target.input)?;
    let x = resnet50_body(&mut net, 0)?;
    head(&mut net, x, target.classes)?;
    Ok(net)
}

/// ResNet-50 (version 1: the stride is in the first 1×1 convolution) up to its last activation.
pub(super) fn resnet50_body(net: &mut Net, from: LayerId) -> Result<LayerId, Error> {
    let x = net.conv_norm("stem", from, conv(64, 7, 2), RELU)?;
    let mut x = net.max_pool("stem/pool", x, Window::square(3).stride(2))?;
    for (stack, (channels, blocks)) in [(64, 3), (128, 4), (256, 6), (512, 3)].into_iter().enumerate() {
        for block in 0..blocks {
            let stride = if stack > 0 && block == 0 { 2 } else { 1 };
            x = bottleneck(net, &format!("stack{}/block{}", stack + 1, block + 1), x, channels, stride)?;
        }
    }
    Ok(x)
}

/// 1×1, 3×3 and 1×1 convolutions, the last with four times the channels.
fn bottleneck(net: &mut Net, name: &str, from: LayerId, channels: usize, stride: usize) -> Result<LayerId, Error> {
    let x = net.conv_norm(&format!("{name}/a"), from, conv(channels, 1, stride), RELU)?;
    let x = net.conv_norm(&format!("{name}/b"), x, conv(channels, 3, 1), RELU)?;
    let x = net.conv_norm(&format!("{name}/c"), x, conv(4 * channels, 1, 1), None)?;
    let shortcut = if net.shape(x) == net.shape(from) {
        from
    } else {
        net.conv_norm(&format!("{name}/shortcut"), from, conv(4 * channels, 1, stride), None)?
    };
    add(net, name, x, shortcut)
}
