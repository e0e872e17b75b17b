#!/usr/bin/env python3
"""Writes weights of a network of keras.applications as an .npz file for edgebench, with Keras' order of axes (layout = keras).

    python3 scripts/export_keras_weights.py resnet50 resnet50.npz
    python3 scripts/export_keras_weights.py mobilenetv2 mobilenetv2.npz --weights my.weights.h5 --size 32 --classes 10

Needs Keras 3 (checked with 3.15.1 and its PyTorch backend) and NumPy. ImageNet's weights come without the classifier, which edgebench
begins anew (`--except logits`).
"""

import argparse
from pathlib import Path

import weight_names

NETWORKS = {"resnet50": "ResNet50", "vgg19": "VGG19", "mobilenetv2": "MobileNetV2"}


def tensors(architecture, model):
    """Names of edgebench with Keras' words, and numbers in Keras' order, normalisations fitted to edgebench's epsilon."""
    rules = weight_names.KERAS[architecture] + [("predictions", "logits")]
    found, biases = {}, {}
    for layer in model.layers:
        if not layer.weights:
            continue
        own = weight_names.layer(rules, layer.name)
        if own is None:
            print(f"left out: {layer.name}")
            continue
        values = {weight.name.split("/")[-1].split(":")[0]: weight.numpy() for weight in layer.weights}
        if "moving_variance" in values:
            values["gamma"] = weight_names.refit(values["gamma"].astype("float64"), values["moving_variance"], layer.epsilon)
        for word, value in values.items():
            (biases if own.endswith("/conv") and word == "bias" else found)[f"{own}.{word}"] = value.astype("float32")
    for key, value in biases.items():
        # A bias before a normalisation is nothing but another mean.
        mean = key.replace("/conv.bias", "/norm.moving_mean")
        if mean in found:
            found[mean] = found[mean] - value
        else:
            found[key] = value
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architecture", choices=NETWORKS)
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", default="imagenet", help="imagenet, or a file of the whole network's weights")
    parser.add_argument("--size", type=int, default=224, help="height and width, if the weights come from a file")
    parser.add_argument("--classes", type=int, default=10, help="if the weights come from a file")
    args = parser.parse_args()
    import keras
    import numpy as np

    make = getattr(keras.applications, NETWORKS[args.architecture])
    if args.weights == "imagenet":
        model = make(weights="imagenet", include_top=False)
    else:
        model = make(weights=None, input_shape=(args.size, args.size, 3), classes=args.classes)
        model.load_weights(args.weights)
    found = tensors(args.architecture, model)
    np.savez_compressed(args.out, **found)
    print(f"{args.out}: {len(found)} tensors, {sum(value.size for value in found.values()):,} numbers")


if __name__ == "__main__":
    main()
