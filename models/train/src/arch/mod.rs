//! Architectures by name.
//!
//! An architecture is a function that adds layers; to add one, write it in a file here and give it a line in [`ARCHITECTURES`].

mod mobilenet;
mod resnet;
mod vgg;

use crate::net::{Activation, Conv, LayerId, Op, Shape, Window};
use crate::{Error, Net};

/// What an architecture is built for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Height, width and channels of the images.
    pub input: Shape,
    /// Number of classes.
    pub classes: usize,
}

/// A named architecture.
#[derive(Clone, Copy)]
pub struct Architecture {
    /// The name on the command line.
    pub name: &'static str,
    /// In a few words.
    pub about: &'static str,
    build: fn(Target) -> Result<Net, Error>,
}

impl std::fmt::Debug for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Architecture").field("name", &self.name).finish_non_exhaustive()
    }
}

macro_rules! architectures {
    ($($name:literal, $about:literal, $build:expr;)*) => {
        /// All of them.
        pub const ARCHITECTURES: &[Architecture] = &[$(Architecture { name: $name, about: $about, build: $build }),*];
    };
}

architectures! {
    "digits", "the small network of the embedded digits: a stem, a residual block, depthwise", resnet::digits;
    "resnet8", "ResNet-8 of MLPerf Tiny: three blocks of 16, 32, 64 channels", resnet::resnet8;
    "resnet20", "ResNet-20 for small images (He et al., 2016)", |t| resnet::cifar(t, "resnet20", 3);
    "resnet32", "ResNet-32 for small images (He et al., 2016)", |t| resnet::cifar(t, "resnet32", 5);
    "resnet50", "ResNet-50 with the stem for ImageNet (stride 4)", resnet::resnet50;
    "vgg11", "VGG-11", |t| vgg::vgg(t, "vgg11", &vgg::VGG11, false);
    "vgg11_bn", "VGG-11 with batch normalisation", |t| vgg::vgg(t, "vgg11_bn", &vgg::VGG11, true);
    "vgg19", "VGG-19", |t| vgg::vgg(t, "vgg19", &vgg::VGG19, false);
    "vgg19_bn", "VGG-19 with batch normalisation", |t| vgg::vgg(t, "vgg19_bn", &vgg::VGG19, true);
    "mobilenetv1_025", "MobileNetV1, width 0.25, strides for small images", |t| mobilenet::v1(t, "mobilenetv1_025", 0.25, mobilenet::Strides::Small);
    "mobilenetv1", "MobileNetV1, width 1", |t| mobilenet::v1(t, "mobilenetv1", 1.0, mobilenet::Strides::ImageNet);
    "mobilenetv2_035", "MobileNetV2, width 0.35, strides for small images", |t| mobilenet::v2(t, "mobilenetv2_035", 0.35, mobilenet::Strides::Small);
    "mobilenetv2_100", "MobileNetV2, width 1, strides for small images", |t| mobilenet::v2(t, "mobilenetv2_100", 1.0, mobilenet::Strides::Small);
    "mobilenetv2", "MobileNetV2, width 1", |t| mobilenet::v2(t, "mobilenetv2", 1.0, mobilenet::Strides::ImageNet);
    "paper_resnet50", "ResNet-50 as the study has it: up-sampling ×7, dense 1024", |t| paper(t, "paper_resnet50", resnet::resnet50_body);
    "paper_vgg19", "VGG-19 as the study has it: up-sampling ×7, dense 1024", |t| paper(t, "paper_vgg19", |net, x| vgg::body(net, x, &vgg::VGG19, false));
    "paper_mobilenetv2", "MobileNetV2 as the study has it: up-sampling ×7, dense 1024", |t| paper(t, "paper_mobilenetv2", |net, x| mobilenet::v2_body(net, x, 1.0, mobilenet::Strides::ImageNet));
}

/// The architecture of this name for `target`.
///
/// # Errors
/// [`Error::Architecture`] if there is none, [`Error::Net`] if the images are too small for it.
pub fn build(name: &str, target: Target) -> Result<Net, Error> {
    let Some(found) = ARCHITECTURES.iter().find(|known| known.name == name) else {
        let names: Vec<&str> = ARCHITECTURES.iter().map(|known| known.name).collect();
        let known = names.join(", ");
        return Err(Error::Architecture { name: name.into(), suggestion: crate::suggest(name, &names), known });
    };
    (found.build)(target)
}

/// The study's form (SPEC A.1): nearest up-sampling ×7, the body, the mean over the image, dense 1024 with ReLU, dense classes.
fn paper(
    target: Target,
    name: &str,
    body: impl FnOnce(&mut Net, LayerId) -> Result<LayerId, Error>,
) -> Result<Net, Error> {
    let mut net = Net::new(name, target.input)?;
    let x = net.add("upsample", Op::Upsample(7), &[0])?;
    let x = body(&mut net, x)?;
    let x = net.add("pool", Op::GlobalAveragePool, &[x])?;
    let x = net.dense("dense", x, 1024)?;
    let x = net.add("dense/act", Op::Act(Activation::Relu), &[x])?;
    net.dense("logits", x, target.classes)?;
    Ok(net)
}

/// The mean over the image and a dense layer.
fn head(net: &mut Net, from: LayerId, classes: usize) -> Result<LayerId, Error> {
    let x = net.add("pool", Op::GlobalAveragePool, &[from])?;
    net.dense("logits", x, classes)
}

/// A square convolution of `out_c` channels.
const fn conv(out_c: usize, kernel: usize, stride: usize) -> Conv {
    Conv::new(out_c, Window::square(kernel).stride(stride))
}
