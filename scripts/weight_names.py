"""What other libraries call the layers of edgebench's architectures: regular expressions, the first that matches counts.

A rule gives the name of the layer, without the tensor. Layers without a rule (classifiers, mostly) are left out of an export: the
number of classes is another one.
"""

import re

#: torchvision.models: resnet50 (v1.5: its stride is in the 3x3 convolution, edgebench's in the first 1x1), vgg19, vgg19_bn, mobilenet_v2.
TORCHVISION = {
    "resnet50": [
        (r"conv1", "stem/conv"),
        (r"bn1", "stem/norm"),
        (r"layer(\d)\.(\d+)\.conv(\d)", lambda m: f"stack{m[1]}/block{int(m[2]) + 1}/{'abc'[int(m[3]) - 1]}/conv"),
        (r"layer(\d)\.(\d+)\.bn(\d)", lambda m: f"stack{m[1]}/block{int(m[2]) + 1}/{'abc'[int(m[3]) - 1]}/norm"),
        (r"layer(\d)\.(\d+)\.downsample\.0", lambda m: f"stack{m[1]}/block{int(m[2]) + 1}/shortcut/conv"),
        (r"layer(\d)\.(\d+)\.downsample\.1", lambda m: f"stack{m[1]}/block{int(m[2]) + 1}/shortcut/norm"),
    ],
    "vgg19": [(r"features\.(\d+)", lambda m: vgg19(int(m[1]), 2))],
    "vgg19_bn": [(r"features\.(\d+)", lambda m: vgg19(int(m[1]), 3))],
    "mobilenetv2": [
        (r"features\.0\.0", "stem/conv"),
        (r"features\.0\.1", "stem/norm"),
        (r"features\.18\.0", "last/conv"),
        (r"features\.18\.1", "last/norm"),
        (r"features\.1\.conv\.0\.0", "block0/dw/depthwise"),
        (r"features\.1\.conv\.0\.1", "block0/dw/norm"),
        (r"features\.1\.conv\.1", "block0/project/conv"),
        (r"features\.1\.conv\.2", "block0/project/norm"),
        (r"features\.(\d+)\.conv\.0\.0", lambda m: f"block{int(m[1]) - 1}/expand/conv"),
        (r"features\.(\d+)\.conv\.0\.1", lambda m: f"block{int(m[1]) - 1}/expand/norm"),
        (r"features\.(\d+)\.conv\.1\.0", lambda m: f"block{int(m[1]) - 1}/dw/depthwise"),
        (r"features\.(\d+)\.conv\.1\.1", lambda m: f"block{int(m[1]) - 1}/dw/norm"),
        (r"features\.(\d+)\.conv\.2", lambda m: f"block{int(m[1]) - 1}/project/conv"),
        (r"features\.(\d+)\.conv\.3", lambda m: f"block{int(m[1]) - 1}/project/norm"),
    ],
}

#: keras.applications: ResNet50, VGG19, MobileNetV2.
KERAS = {
    "resnet50": [
        (r"conv1_conv", "stem/conv"),
        (r"conv1_bn", "stem/norm"),
        (r"conv(\d)_block(\d+)_([0123])_(conv|bn)", lambda m: keras_resnet(*m.groups())),
    ],
    "vgg19": [(r"block(\d)_conv(\d)", r"stack\1/\2/conv")],
    "mobilenetv2": [
        (r"Conv1", "stem/conv"),
        (r"bn_Conv1", "stem/norm"),
        (r"Conv_1", "last/conv"),
        (r"Conv_1_bn", "last/norm"),
        (r"expanded_conv_depthwise", "block0/dw/depthwise"),
        (r"expanded_conv_depthwise_BN", "block0/dw/norm"),
        (r"expanded_conv_project", "block0/project/conv"),
        (r"expanded_conv_project_BN", "block0/project/norm"),
        (r"block_(\d+)_(expand|project)", r"block\1/\2/conv"),
        (r"block_(\d+)_(expand|project)_BN", r"block\1/\2/norm"),
        (r"block_(\d+)_depthwise", r"block\1/dw/depthwise"),
        (r"block_(\d+)_depthwise_BN", r"block\1/dw/norm"),
    ],
}


def vgg19(at, step):
    """Position `at` among the features: convolution, (normalisation,) ReLU again and again, and one pooling behind each stack."""
    for stack, convs in enumerate((2, 2, 4, 4, 4), 1):
        if at < step * convs:
            return f"stack{stack}/{at // step + 1}/{('conv', 'norm', 'act')[at % step]}"
        at -= step * convs + 1
    return None


def keras_resnet(stack, block, part, kind):
    part = "shortcut" if part == "0" else "abc"[int(part) - 1]
    return f"stack{int(stack) - 1}/block{block}/{part}/{'conv' if kind == 'conv' else 'norm'}"


def layer(rules, name):
    """edgebench's name of the layer that is called `name`, or None."""
    for pattern, own in rules:
        if found := re.fullmatch(pattern, name):
            return own(found) if callable(own) else found.expand(own)
    return None


def refit(gamma, variance, epsilon, own=1e-3):
    """The factor of a batch normalisation that was trained with another epsilon than edgebench's 0.001."""
    return gamma * ((variance + own) / (variance + epsilon)) ** 0.5
