//! MobileNetV1 (Howard et al., 2017) and MobileNetV2 (Sandler et al., 2018), channel counts as Keras rounds them.

use super::{Target, conv, head};
use crate::net::{Activation, LayerId, Op, Window};
use crate::{Error, Net};

const RELU6: Option<Activation> = Some(Activation::Relu6);

/// Where an image is made smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strides {
    /// Five times, as for ImageNet.
    ImageNet,
    /// Three times, for images of some 32×32 pixels: the first two strides are 1.
    Small,
}

/// `channels` times `width` as a multiple of 8, never below nine tenths of it.
fn scaled(channels: usize, width: f64) -> usize {
    let exact = channels as f64 * width;
    let rounded = ((exact + 4.0) as usize / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * exact { rounded + 8 } else { rounded }
}

pub(super) fn v1(target: Target, name: &str, width: f64, strides: Strides) -> Result<Net, Error> {
    let mut net = Net::new(name, target.input)?;
    let plain = |channels: usize| (channels as f64 * width) as usize;
    let early = if strides == Strides::Small { 1 } else { 2 };
    let mut x = net.conv_norm("stem", 0, conv(plain(32), 3, early), RELU6)?;
    let blocks = [(64, 1), (128, early), (128, 1), (256, 2), (256, 1), (512, 2)].into_iter();
    let blocks = blocks.chain([(512, 1); 5]).chain([(1024, 2), (1024, 1)]);
    for (at, (channels, stride)) in blocks.enumerate() {
        let name = format!("block{}", at + 1);
        x = net.depthwise_norm(&format!("{name}/dw"), x, Window::square(3).stride(stride), RELU6)?;
        x = net.conv_norm(&format!("{name}/pw"), x, conv(plain(channels), 1, 1), RELU6)?;
    }
    head(&mut net, x, target.classes)?;
    Ok(net)
}

pub(super) fn v2(target: Target, name: &str, width: f64, strides: Strides) -> Result<Net, Error> {
    let mut net = Net::new(name, target.input)?;
    let x = v2_body(&mut net, 0, width, strides)?;
    head(&mut net, x, target.classes)?;
    Ok(net)
}

/// MobileNetV2 up to its last activation.
pub(super) fn v2_body(net: &mut Net, from: LayerId, width: f64, strides: Strides) -> Result<LayerId, Error> {
    let early = if strides == Strides::Small { 1 } else { 2 };
    let mut x = net.conv_norm("stem", from, conv(scaled(32, width), 3, early), RELU6)?;
    // Expansion, channels, blocks, stride of the first block.
    let stages =
        [(1, 16, 1, 1), (6, 24, 2, early), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];
    let mut number = 0;
    for (expansion, channels, blocks, first) in stages {
        for block in 0..blocks {
            let stride = if block == 0 { first } else { 1 };
            x = inverted(net, number, x, [expansion, scaled(channels, width), stride])?;
            number += 1;
        }
    }
    let last = if width > 1.0 { scaled(1280, width) } else { 1280 };
    net.conv_norm("last", x, conv(last, 1, 1), RELU6)
}

/// Expansion by a 1×1 convolution, depthwise convolution, projection without activation, and the shortcut where the shape stays.
fn inverted(
    net: &mut Net,
    number: usize,
    from: LayerId,
    [expansion, channels, stride]: [usize; 3],
) -> Result<LayerId, Error> {
    let name = format!("block{number}");
    let mut x = from;
    if expansion > 1 {
        let wide = net.shape(from).c * expansion;
        x = net.conv_norm(&format!("{name}/expand"), x, conv(wide, 1, 1), RELU6)?;
    }
    x = net.depthwise_norm(&format!("{name}/dw"), x, Window::square(3).stride(stride), RELU6)?;
    x = net.conv_norm(&format!("{name}/project"), x, conv(channels, 1, 1), None)?;
    if stride == 1 && net.shape(x) == net.shape(from) {
        x = net.add(format!("{name}/add"), Op::Add, &[x, from])?;
    }
    Ok(x)
}
