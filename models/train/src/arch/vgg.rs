//! VGG (Simonyan and Zisserman, 2015), with the mean over the image in place of the large dense layers.

use super::{Target, conv, head};
use crate::net::{Activation, LayerId, Op, Window};
use crate::{Error, Net};

/// Convolutions of each stack.
pub(super) const VGG11: [usize; 5] = [1, 1, 2, 2, 2];
/// Convolutions of each stack.
pub(super) const VGG19: [usize; 5] = [2, 2, 4, 4, 4];

pub(super) fn vgg(target: Target, name: &str, stacks: &[usize; 5], norm: bool) -> Result<Net, Error> {
    let mut net = Net::new(name, target.input)?;
    let x = body(&mut net, 0, stacks, norm)?;
    head(&mut net, x, target.classes)?;
    Ok(net)
}

/// All stacks, each ended by a max pooling.
pub(super) fn body(net: &mut Net, from: LayerId, stacks: &[usize; 5], norm: bool) -> Result<LayerId, Error> {
    let mut x = from;
    for (stack, (&convs, channels)) in stacks.iter().zip([64, 128, 256, 512, 512]).enumerate() {
        for at in 0..convs {
            let name = format!("stack{}/{}", stack + 1, at + 1);
            x = if norm {
                net.conv_norm(&name, x, conv(channels, 3, 1), Some(Activation::Relu))?
            } else {
                let y = net.add(format!("{name}/conv"), Op::Conv(conv(channels, 3, 1)), &[x])?;
                net.add(format!("{name}/act"), Op::Act(Activation::Relu), &[y])?
            };
        }
        x = net.max_pool(&format!("stack{}/pool", stack + 1), x, Window::square(2).stride(2).valid())?;
    }
    Ok(x)
}
