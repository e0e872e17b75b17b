#!/usr/bin/env python3
"""Writes weights of a PyTorch network as a .safetensors file for edgebench, with PyTorch's order of axes (layout = torch).

    # A network of benches/training/nets.py, from its state_dict:
    python3 scripts/export_torch_weights.py resnet8 resnet8.safetensors --state resnet8.pt
    # torchvision's, from what torch.save(model.state_dict()) wrote; classifiers stay behind:
    python3 scripts/export_torch_weights.py mobilenetv2 mobilenetv2.safetensors --state mobilenet_v2.pt --names torchvision
    # The golden file of models/train/tests/weights.rs:
    python3 scripts/export_torch_weights.py digits models/train/tests/golden/torch_digits.safetensors --formula --half

Enters the virtual environment of benches/training (and makes it at first), unless this Python has PyTorch.
"""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "train_golden"), str(ROOT / "benches" / "training")]

#: torchvision's batch normalisations have PyTorch's default.
EPSILON = 1e-5
WORDS = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}


def write_safetensors(path, arrays, metadata):
    """Names in order, then all bytes; no package needed."""
    kinds, header, offset = {"float32": "F32", "float16": "F16"}, {"__metadata__": metadata}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": kinds[str(array.dtype)], "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(array.tobytes())


def own_state(net):
    """The tensors of one of our networks as PyTorch has them: name with PyTorch's word, numbers in PyTorch's order."""
    import torch

    found = {}
    for key, (_, value) in net.parameters_by_name().items():
        layer, word = key.rsplit(".", 1)
        found[f"{layer}.{WORDS.get(word, word)}"] = value.detach().to(torch.float32)
    return found


def torchvision_state(architecture, state):
    """The tensors of torchvision's network, renamed, normalisations fitted to edgebench's epsilon."""
    import weight_names

    if architecture not in weight_names.TORCHVISION:
        raise SystemExit(f"no rules for {architecture!r}; there are rules for {', '.join(weight_names.TORCHVISION)}")
    found, biases = {}, {}
    for key, value in state.items():
        layer, _, word = key.rpartition(".")
        own = weight_names.layer(weight_names.TORCHVISION[architecture], layer)
        if own is None or word == "num_batches_tracked":
            continue
        if own.endswith("/norm") and word == "weight":
            value = weight_names.refit(value.double(), state[f"{layer}.running_var"].double(), EPSILON)
        (biases if own.endswith("/conv") and word == "bias" else found)[f"{own}.{word}"] = value.float()
    for key, value in biases.items():
        # A bias before a normalisation is nothing but another mean.
        mean = key.replace("/conv.bias", "/norm.running_mean")
        if mean in found:
            found[mean] = found[mean] - value
        else:
            found[key] = value
    return found


def formula(net):
    """Numbers of the golden tests, and the logits that PyTorch computes with them for three images."""
    import numpy as np
    import torch
    from networks import formula_tensors

    net.load({key: value.astype(np.float16) for key, value in formula_tensors(net).items()})
    h, w, c = net.shapes[0]
    at = np.arange(3 * h * w * c)
    images = ((at * 7919 % 2003).astype(np.float32) / np.float32(1001) - np.float32(1)).reshape(3, h, w, c)
    with torch.no_grad():
        logits = net.double().eval()(torch.tensor(images).double().permute(0, 3, 1, 2))
    net.float()
    return json.dumps([[round(value, 7) for value in row] for row in logits.tolist()], separators=(",", ":"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architecture")
    parser.add_argument("out", type=Path)
    parser.add_argument("--state", type=Path, help="what torch.save(model.state_dict(), …) wrote")
    parser.add_argument("--names", choices=["own", "torchvision"], default="own", help="whose names the state has")
    parser.add_argument("--formula", action="store_true", help="numbers that a formula gives, with the logits in the metadata")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--half", action="store_true", help="store float16")
    args = parser.parse_args()
    if args.formula == bool(args.state):
        parser.error("give either --state or --formula")
    if importlib.util.find_spec("torch") is None:
        import torch_venv

        torch_venv.enter()
    import torch
    from nets import build

    metadata = {"layout": "torch", "architecture": args.architecture}
    if args.names == "torchvision" and args.state:
        state = torch.load(args.state, map_location="cpu", weights_only=True)
        tensors = torchvision_state(args.architecture, state)
    else:
        net = build(args.architecture, classes=args.classes)
        if args.state:
            net.load_state_dict(torch.load(args.state, map_location="cpu", weights_only=True))
        else:
            metadata["logits"] = formula(net)
        tensors = own_state(net)
    kind = torch.float16 if args.half else torch.float32
    arrays = {name: value.to(kind).contiguous().numpy() for name, value in tensors.items()}
    write_safetensors(args.out, arrays, metadata)
    print(f"{args.out}: {len(arrays)} tensors, {sum(array.size for array in arrays.values()):,} numbers")


if __name__ == "__main__":
    main()
