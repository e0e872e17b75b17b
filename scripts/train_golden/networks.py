"""A small network trained for three steps, every number kept; and edgebench's architectures, from numbers that a formula gives."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from case import Case, numpy, random, uniform
from layers import Add, GlobalAveragePool, Net
from nets import ARCHITECTURES as ALL, build

SGD = {"learning_rate": 0.5, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4, "label_smoothing": 0.1}
ARCHITECTURES = ["digits", "resnet8", "resnet20", "resnet50", "vgg11", "vgg11_bn", "mobilenetv1_025", "mobilenetv2_035"]
IMAGES, RATE = 8, 1e-3


class BiasedVariance:
    """Running variances as Keras has them (not unbiased), beside PyTorch's own."""

    def __init__(self, net):
        self.values, self.momentum = {}, {}
        for name, module in net.modules_by_name.items():
            if isinstance(module, nn.BatchNorm2d):
                self.values[name] = module.running_var.clone()
                module.register_forward_pre_hook(self.hook(name, module.momentum))

    def hook(self, name, share):
        def update(module, inputs):
            if module.training:
                batch = inputs[0].detach().var((0, 2, 3), unbiased=False)
                self.values[name] = (1 - share) * self.values[name] + share * batch

        return update


def optimiser(net, momentum, nesterov, weight_decay, learning_rate, **_):
    """Weight decay on kernels only."""
    kernels, others = net.decayed()
    groups = [{"params": kernels, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, learning_rate, momentum=momentum, nesterov=nesterov)


def tensor(images):
    """NHWC float32 to NCHW float64."""
    return torch.tensor(np.asarray(images, np.float64)).permute(0, 3, 1, 2)


def small_net():
    net = Net("small", (8, 8, 3))
    stem = net.conv_norm("stem", 0, 8, 3, 2)
    x = net.depthwise_norm("dw", stem, act="relu6")
    x = net.conv_norm("pw", x, 8, 1, act=None)
    x = net.add("act", nn.ReLU(), net.add("add", Add(), x, stem))
    net.dense("logits", net.add("pool", GlobalAveragePool(), x), 5)
    return net


def small():
    rng, net = random("small_net"), small_net()
    start = net.tensors()
    for key, value in start.items():
        start[key] = uniform(rng, *value.shape) * np.float32(0.5)
        if key.endswith((".gamma", ".variance")):
            start[key] += np.float32(1)
    start["dw/norm.gamma"] *= np.float32(4)  # or nothing would reach 6
    net.load(start)
    net.double()
    biased, steps = BiasedVariance(net), 3
    images, labels = uniform(rng, steps, 6, 8, 8, 3), rng.integers(0, 5, (steps, 6)).astype(np.int32)
    sgd, losses, logits, gradients = optimiser(net, **SGD), [], [], {}
    for step in range(steps):
        out = net(tensor(images[step]))
        loss = F.cross_entropy(out, torch.tensor(labels[step]).long(), label_smoothing=SGD["label_smoothing"])
        sgd.zero_grad()
        loss.backward()
        gradients = gradients or {f"gradient/{key}": value.copy() for key, value in net.gradients().items()}
        sgd.step()
        losses.append(loss.item())
        logits.append(numpy(out))
    end = {key: value.copy() for key, value in net.tensors().items()}  # some are the module's own memory, which changes below
    for name, value in biased.values.items():
        end[f"{name}.variance_biased"] = value.numpy()
    arrays = {"images": images, "labels": labels, "losses": np.array(losses), "logits": np.stack(logits)}
    arrays |= {f"start/{key}": value for key, value in start.items()} | gradients | {f"end/{key}": value for key, value in end.items()}
    with torch.no_grad():
        arrays["eval_logits"] = numpy(net.eval()(tensor(images[0])))
        for name, value in biased.values.items():
            net.modules_by_name[name].running_var.copy_(value)
        arrays["eval_logits_biased"] = numpy(net(tensor(images[0])))
    layers = [{"name": name, "inputs": inputs} for name, inputs in net.layers]
    return Case("small_net", "network", {**SGD, "layers": layers}, arrays)


def formula(stream, count):
    """`count` numbers in [-1, 1): murmur3's finaliser of `i + stream * 0x9E3779B9` in 32 bits; its upper 24 bits / 2^23 - 1."""
    h = (np.arange(count, dtype=np.uint64) + np.uint64(stream * 0x9E3779B9 & 0xFFFFFFFF)).astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return (h >> np.uint32(8)).astype(np.float64) / 2**23 - 1


def formula_images():
    """Squares of 8x8 pixels with little noise: images that are all noise look alike to a network, and batch normalisation enlarges
    what is left until rounding decides."""
    squares = formula(0, IMAGES * 4 * 4 * 3).reshape(IMAGES, 4, 4, 3).repeat(8, 1).repeat(8, 2)
    return (squares + 0.25 * formula(-1, squares.size).reshape(squares.shape)).astype(np.float32)


def formula_tensors(net):
    """Tensor number `t`, in the order of `Net.tensors`, is made of stream `t + 1`. Batch normalisation leaves most values positive: with
    offsets around 0 a deep network of this kind enlarges rounding errors a thousandfold, and gradients could not be compared."""
    made = {}
    for number, (key, value) in enumerate(net.tensors().items()):
        u = formula(number + 1, value.size).reshape(value.shape)
        kind = key.rsplit(".", 1)[1]
        if kind == "weight":
            u *= math.sqrt(6 / net.fans(key, value.shape)[0])
        else:
            low, spread = {"bias": (0, 0.1), "gamma": (0.5, 0.125), "beta": (1, 0.5), "mean": (0, 0.1), "variance": (1, 0.5)}[kind]
            u = low + spread * u
        made[key] = u.astype(np.float32)
    return made


FORMULA = (
    "u(s, i) = (h >> 8) / 2^23 - 1, h = fmix32(i + s * 0x9E3779B9 mod 2^32), fmix32 of murmur3, in float64; tensor t (from 0, all tensors "
    "in order, element i row by row) with s = t + 1: weight u * sqrt(6 / fan_in) (depthwise: fan_in = taps), bias 0.1 u, gamma 0.5 + 0.125 u, "
    "beta 1 + 0.5 u, mean 0.1 u, variance 1 + 0.5 u, rounded to float32; images [n, 32, 32, 3]: u with s = 0 of [n, 4, 4, 3] with every "
    "pixel repeated 8x8 times, plus 0.25 u with s = -1 of each value; label of image n: 3 n mod 10; gradient_dots: sum of gradient * "
    "u(s, i) with the tensor's own s; gradient_norms: root of the sum of squares; float32_*: largest deviation of PyTorch's own float32 "
    "from these: of losses and logits as it is, of norms and dots relative to the norm plus 1e-4 of "
    "the largest norm"
)


def trained(name, dtype):
    """Logits, losses of three steps of plain SGD with momentum, and two numbers per gradient of the first step."""
    net = build(name)
    tensors = formula_tensors(net)
    net.to(dtype).load(tensors)
    x, labels = tensor(formula_images()).to(dtype), torch.arange(IMAGES) * 3 % 10
    sgd, found = optimiser(net, 0.9, False, 0.0, RATE), {"losses": []}
    for step in range(3):
        out = net(x)
        loss = F.cross_entropy(out, labels)
        sgd.zero_grad()
        loss.backward()
        if step == 0:
            found["logits"] = numpy(out)
            streams = {key: number + 1 for number, key in enumerate(tensors)}
            gradients = {key: value.astype(np.float64) for key, value in net.gradients().items()}
            found["gradient_norms"] = np.array([np.sqrt((g**2).sum()) for g in gradients.values()])
            found["gradient_dots"] = np.array([(g.ravel() * formula(streams[key], g.size)).sum() for key, g in gradients.items()])
        sgd.step()
        found["losses"].append(loss.item())
    found["losses"] = np.array(found["losses"])
    return found


def fnv1a(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return f"{h:016x}"


def summary(name):
    """What an architecture is, at 32x32x3 and 10 classes; `listing_fnv1a` is of the lines that `nets.py NAME` prints."""
    net = build(name)
    tensors = net.tensors()
    listing = "".join(f"{key} {list(value.shape)}\n" for key, value in tensors.items())
    return {
        "layers": len(net.layers), "tensors": len(tensors), "parameters": sum(p.numel() for p in net.parameters()), "macs": net.macs(),
        "listing_fnv1a": fnv1a(listing),
    }


def architecture(name):
    found = trained(name, torch.float64)
    rough = trained(name, torch.float32)
    norm = found["gradient_norms"] + 1e-4 * found["gradient_norms"].max()  # some are 0: offsets that the next batch normalisation removes
    one = {"losses": 1, "logits": 1, "gradient_norms": norm, "gradient_dots": norm}
    deviation = {f"float32_{key}": float(f"{np.abs((rough[key] - value) / one[key]).max():.1e}") for key, value in found.items()}
    attributes = {"architecture": name, "images": IMAGES, "learning_rate": RATE, "momentum": 0.9, **deviation}
    return Case(f"net_{name}", "architecture", attributes, found)


def cases():
    yield small()
    for name in ARCHITECTURES:
        yield architecture(name)
