#!/usr/bin/env python3
"""The architectures of edgebench's models/train/src/arch, layer by layer, as PyTorch modules.

    python3 benches/training/nets.py            # parameters and multiply-accumulates of all, at 32x32x3 and 10 classes
    python3 benches/training/nets.py resnet8    # its tensors: name and sizes as edgebench has them
"""

import sys

if __name__ == "__main__":
    import torch_venv

    torch_venv.enter()

from torch import nn

from layers import Add, GlobalAveragePool, MaxPool, Net, activation

VGG11, VGG19 = (1, 1, 2, 2, 2), (2, 2, 4, 4, 4)


def head(net, x, classes):
    net.dense("logits", net.add("pool", GlobalAveragePool(), x), classes)


def joined(net, name, x, shortcut):
    return net.add(f"{name}/act", activation("relu"), net.add(f"{name}/add", Add(), x, shortcut))


def basic(net, name, x, channels, stride=1):
    """Two 3x3 convolutions; where the shape changes, the shortcut is a 1x1 convolution without batch normalisation (as MLPerf Tiny)."""
    y = net.conv_norm(f"{name}/a", x, channels, 3, stride)
    y = net.conv_norm(f"{name}/b", y, channels, 3, act=None)
    return joined(net, name, y, x if net.shapes[x] == net.shapes[y] else net.conv(f"{name}/shortcut", x, channels, 1, stride))


def bottleneck(net, name, x, channels, stride):
    """1x1, 3x3 and 1x1 convolutions; the stride is in the first (version 1)."""
    y = net.conv_norm(f"{name}/a", x, channels, 1, stride)
    y = net.conv_norm(f"{name}/b", y, channels, 3)
    y = net.conv_norm(f"{name}/c", y, 4 * channels, 1, act=None)
    if net.shapes[x] != net.shapes[y]:
        x = net.conv_norm(f"{name}/shortcut", x, 4 * channels, 1, stride, act=None)
    return joined(net, name, y, x)


def stacks(net, x, block, plan):
    for stack, (channels, blocks) in enumerate(plan):
        for at in range(blocks):
            x = block(net, f"stack{stack + 1}/block{at + 1}", x, channels, 2 if stack > 0 and at == 0 else 1)
    return x


def cifar_resnet(net, classes, blocks):
    head(net, stacks(net, net.conv_norm("stem", 0, 16, 3), basic, [(16, blocks), (32, blocks), (64, blocks)]), classes)


def resnet50_body(net, x):
    x = net.conv_norm("stem", x, 64, 7, 2)
    x = net.add("stem/pool", MaxPool(3, 2), x)
    return stacks(net, x, bottleneck, [(64, 3), (128, 4), (256, 6), (512, 3)])


def vgg_body(net, x, plan, norm):
    for stack, (convs, channels) in enumerate(zip(plan, (64, 128, 256, 512, 512))):
        for at in range(convs):
            name = f"stack{stack + 1}/{at + 1}"
            if norm:
                x = net.conv_norm(name, x, channels, 3)
            else:
                x = net.add(f"{name}/act", activation("relu"), net.conv(f"{name}/conv", x, channels, 3))
        x = net.add(f"stack{stack + 1}/pool", MaxPool(2, 2, "valid"), x)
    return x


def scaled(channels, width):
    """A multiple of 8, never below nine tenths (Keras' `_make_divisible`)."""
    exact = channels * width
    rounded = max(int(exact + 4) // 8 * 8, 8)
    return rounded + 8 if rounded < 0.9 * exact else rounded


def mobilenet_v1(net, classes, width, small):
    early = 1 if small else 2
    x = net.conv_norm("stem", 0, int(32 * width), 3, early, "relu6")
    blocks = [(64, 1), (128, early), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for at, (channels, stride) in enumerate(blocks, 1):
        x = net.depthwise_norm(f"block{at}/dw", x, stride, "relu6")
        x = net.conv_norm(f"block{at}/pw", x, int(channels * width), 1, act="relu6")
    head(net, x, classes)


def inverted(net, name, x, expansion, channels, stride):
    y = net.conv_norm(f"{name}/expand", x, net.shapes[x][2] * expansion, 1, act="relu6") if expansion > 1 else x
    y = net.depthwise_norm(f"{name}/dw", y, stride, "relu6")
    y = net.conv_norm(f"{name}/project", y, channels, 1, act=None)
    return net.add(f"{name}/add", Add(), y, x) if stride == 1 and net.shapes[x] == net.shapes[y] else y


def mobilenet_v2_body(net, x, width, small):
    early, number = 1 if small else 2, 0
    x = net.conv_norm("stem", x, scaled(32, width), 3, early, "relu6")
    # Expansion, channels, blocks, stride of the first block.
    for expansion, channels, blocks, first in (
        (1, 16, 1, 1), (6, 24, 2, early), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
    ):
        for block in range(blocks):
            x = inverted(net, f"block{number}", x, expansion, scaled(channels, width), first if block == 0 else 1)
            number += 1
    return net.conv_norm("last", x, scaled(1280, width) if width > 1 else 1280, 1, act="relu6")


def mobilenet_v2(net, classes, width, small):
    head(net, mobilenet_v2_body(net, 0, width, small), classes)


def digits(net, classes):
    x = net.conv_norm("stem", 0, 16, 3, 2)
    x = net.conv_norm("mix1", net.depthwise_norm("down1", x, 2), 24, 1)
    x = basic(net, "block", x, 24)
    x = net.conv_norm("mix2", net.depthwise_norm("down2", x, 2), 48, 1)
    head(net, x, classes)


def paper(net, classes, body):
    """The study's form: nearest up-sampling x7, the body, the mean over the image, dense 1024 with ReLU, dense classes."""
    x = body(net, net.add("upsample", nn.Upsample(scale_factor=7, mode="nearest"), 0))
    x = net.dense("dense", net.add("pool", GlobalAveragePool(), x), 1024)
    net.dense("logits", net.add("dense/act", activation("relu"), x), classes)


ARCHITECTURES = {
    "digits": digits,
    "resnet8": lambda net, classes: cifar_resnet(net, classes, 1),
    "resnet20": lambda net, classes: cifar_resnet(net, classes, 3),
    "resnet32": lambda net, classes: cifar_resnet(net, classes, 5),
    "resnet50": lambda net, classes: head(net, resnet50_body(net, 0), classes),
    "vgg11": lambda net, classes: head(net, vgg_body(net, 0, VGG11, False), classes),
    "vgg11_bn": lambda net, classes: head(net, vgg_body(net, 0, VGG11, True), classes),
    "vgg19": lambda net, classes: head(net, vgg_body(net, 0, VGG19, False), classes),
    "vgg19_bn": lambda net, classes: head(net, vgg_body(net, 0, VGG19, True), classes),
    "mobilenetv1_025": lambda net, classes: mobilenet_v1(net, classes, 0.25, True),
    "mobilenetv1": lambda net, classes: mobilenet_v1(net, classes, 1.0, False),
    "mobilenetv2_035": lambda net, classes: mobilenet_v2(net, classes, 0.35, True),
    "mobilenetv2_100": lambda net, classes: mobilenet_v2(net, classes, 1.0, True),
    "mobilenetv2": lambda net, classes: mobilenet_v2(net, classes, 1.0, False),
    "paper_resnet50": lambda net, classes: paper(net, classes, resnet50_body),
    "paper_vgg19": lambda net, classes: paper(net, classes, lambda net, x: vgg_body(net, x, VGG19, False)),
    "paper_mobilenetv2": lambda net, classes: paper(net, classes, lambda net, x: mobilenet_v2_body(net, x, 1.0, False)),
}


def build(name, shape=(32, 32, 3), classes=10, symmetric=False):
    """The architecture of this name, with PyTorch's initial values; see `Net.initialise` and `Net.load`."""
    if name not in ARCHITECTURES:
        raise SystemExit(f"there is no architecture {name!r}; there are {', '.join(ARCHITECTURES)}")
    net = Net(name, shape, symmetric)
    ARCHITECTURES[name](net, classes)
    return net


def main():
    if len(sys.argv) > 1:
        for key, value in build(sys.argv[1]).tensors().items():
            print(key, list(value.shape))
        return
    print(f"{'architecture':18} {'layers':>6} {'tensors':>7} {'parameters':>11} {'MMAC':>9}")
    for name in ARCHITECTURES:
        net = build(name)
        parameters = sum(p.numel() for p in net.parameters())
        print(f"{name:18} {len(net.layers):6} {len(net.parameters_by_name()):7} {parameters:11,} {net.macs() / 1e6:9.2f}")


if __name__ == "__main__":
    main()
