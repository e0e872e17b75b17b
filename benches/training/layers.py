"""Networks as lists of layers over PyTorch modules, with edgebench's names, paddings and weight layouts."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

EPSILON, MOMENTUM = 1e-3, 0.9  # of batch normalisation; the momentum is the share of the old value


def same(size, kernel, stride=1, dilation=1):
    """TensorFlow's SAME along one axis: output size, and zeros before and after the image (the larger half after)."""
    out = -(-size // stride)
    missing = max((out - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return out, missing // 2, missing - missing // 2


def same_padding(x, kernel, stride, dilation=(1, 1)):
    """`[left, right, top, bottom]` for `F.pad`."""
    top, left = (same(x.shape[2 + axis], kernel[axis], stride[axis], dilation[axis])[1:] for axis in (0, 1))
    return [*left, *top]


class Conv(nn.Conv2d):
    """A convolution padded as TensorFlow pads. With `symmetric`, a stride of 2 is padded like a stride of 1, as PyTorch's own networks
    are: another network of the same cost, without the copy of the image that uneven padding needs."""

    def __init__(self, in_c, out_c, kernel, stride=1, dilation=1, groups=1, bias=False, padding="same", symmetric=False):
        super().__init__(in_c, out_c, kernel, stride, 0, dilation, groups, bias)
        self.same = padding == "same"
        if self.same and (symmetric or self.stride == (1, 1)) and all(size % 2 for size in self.kernel_size):
            self.same, self.padding = False, tuple((k - 1) // 2 * d for k, d in zip(self.kernel_size, self.dilation))

    def forward(self, x):
        if self.same:
            padding = same_padding(x, self.kernel_size, self.stride, self.dilation)
            x = F.pad(x, padding) if any(padding) else x
        return super().forward(x)


class MaxPool(nn.Module):
    """Max pooling; what is outside of the image is smaller than everything."""

    def __init__(self, kernel, stride, padding="same"):
        super().__init__()
        self.kernel, self.stride, self.same = (kernel, kernel), (stride, stride), padding == "same"

    def forward(self, x):
        padding = same_padding(x, self.kernel, self.stride) if self.same else [0]
        return F.max_pool2d(F.pad(x, padding, value=-math.inf) if any(padding) else x, self.kernel, self.stride)


class AveragePool(MaxPool):
    """Average pooling over the values inside of the image."""

    def forward(self, x):
        padding = same_padding(x, self.kernel, self.stride) if self.same else [0] * 4
        inside = F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), padding), self.kernel, self.stride)
        return F.avg_pool2d(F.pad(x, padding), self.kernel, self.stride) / inside


class GlobalAveragePool(nn.Module):
    def forward(self, x):
        return x.mean((2, 3), keepdim=True)


class Dense(nn.Linear):
    """A dense layer over all values of an image, row by row, channels last."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1).flatten(1))[:, :, None, None]


class Add(nn.Module):
    def forward(self, a, b):
        return a + b


def activation(kind):
    return {"relu": nn.ReLU, "relu6": nn.ReLU6, "hard_swish": nn.Hardswish}[kind]()


def channels_last(name, tensor):
    """A PyTorch weight `[O, I, kh, kw]` in TFLite's layout: `[O, kh, kw, I]`, depthwise `[1, kh, kw, O]`. Others stay."""
    if tensor.ndim != 4:
        return tensor
    return tensor.permute(1, 2, 3, 0) if name.endswith("depthwise") else tensor.permute(0, 2, 3, 1)


def channels_first(name, tensor):
    """The inverse of `channels_last`."""
    if tensor.ndim != 4:
        return tensor
    return tensor.permute(3, 0, 1, 2) if name.endswith("depthwise") else tensor.permute(0, 3, 1, 2)


class Net(nn.Module):
    """Layers in execution order, each with a name, a module and the numbers of the layers whose values it takes; 0 is the input."""

    def __init__(self, name, shape=(32, 32, 3), symmetric=False):
        super().__init__()
        self.name, self.symmetric = name, symmetric
        self.modules_by_name = nn.ModuleDict()
        self.layers, self.shapes = [("input", [])], [tuple(shape)]

    def add(self, name, module, *inputs):
        """Adds a layer and gives its number."""
        self.modules_by_name[name] = module
        self.layers.append((name, list(inputs)))
        self.shapes.append(self.shape_of(module, [self.shapes[i] for i in inputs]))
        return len(self.layers) - 1

    @staticmethod
    def shape_of(module, shapes):
        """Height, width and channels that a layer yields: of one image of zeros."""
        with torch.no_grad():
            _, c, h, w = module.eval()(*(torch.zeros(1, c, h, w) for h, w, c in shapes)).shape
        module.train()
        return (h, w, c)

    def conv(self, name, x, out_c, kernel, stride=1, bias=True):
        module = Conv(self.shapes[x][2], out_c, kernel, stride, bias=bias, symmetric=self.symmetric)
        return self.add(name, module, x)

    def norm(self, name, x, act):
        x = self.add(f"{name}/norm", nn.BatchNorm2d(self.shapes[x][2], EPSILON, 1 - MOMENTUM), x)
        return self.add(f"{name}/act", activation(act), x) if act else x

    def conv_norm(self, name, x, out_c, kernel, stride=1, act="relu"):
        """A convolution without bias, batch normalisation, and an activation."""
        return self.norm(name, self.conv(f"{name}/conv", x, out_c, kernel, stride, bias=False), act)

    def depthwise_norm(self, name, x, stride=1, act="relu"):
        c = self.shapes[x][2]
        module = Conv(c, c, 3, stride, groups=c, symmetric=self.symmetric)
        return self.norm(name, self.add(f"{name}/depthwise", module, x), act)

    def dense(self, name, x, units):
        return self.add(name, Dense(math.prod(self.shapes[x]), units), x)

    def forward(self, x):
        """Logits `[N, classes]` of images `[N, C, H, W]`."""
        values, uses = {0: x}, [0] * len(self.layers)
        for _, inputs in self.layers:
            for i in inputs:
                uses[i] += 1
        for number, (name, inputs) in enumerate(self.layers[1:], 1):
            values[number] = self.modules_by_name[name](*(values[i] for i in inputs))
            for i in inputs:  # dropped as soon as nothing needs them, or evaluation would hold all values
                uses[i] -= 1
                if not uses[i]:
                    del values[i]
        return values[len(self.layers) - 1].flatten(1)

    def parameters_by_name(self):
        """edgebench's name of every tensor, with the layer and PyTorch's own tensor, in edgebench's order."""
        found = {}
        for name, _ in self.layers[1:]:
            module = self.modules_by_name[name]
            if isinstance(module, nn.BatchNorm2d):
                tensors = {"gamma": module.weight, "beta": module.bias, "mean": module.running_mean, "variance": module.running_var}
            else:
                tensors = dict(module.named_parameters())
            found |= {f"{name}.{key}": (name, value) for key, value in tensors.items()}
        return found

    def tensors(self):
        """All numbers by name, as NumPy arrays in TFLite's layout."""
        parts = self.parameters_by_name().items()
        return {key: np.ascontiguousarray(channels_last(name, value.detach()).numpy()) for key, (name, value) in parts}

    def gradients(self):
        """Gradients of the trained tensors, likewise."""
        parts = [(key, name, value.grad) for key, (name, value) in self.parameters_by_name().items() if value.requires_grad]
        return {key: np.ascontiguousarray(channels_last(name, grad).numpy()) for key, name, grad in parts}

    def load(self, tensors):
        """Takes all numbers, by name and in TFLite's layout."""
        with torch.no_grad():
            for key, (name, value) in self.parameters_by_name().items():
                value.copy_(channels_first(name, torch.as_tensor(np.asarray(tensors[key]))))

    def decayed(self):
        """Two lists: kernels of convolutions and dense layers, and all other trained tensors."""
        parts = [(key, value) for key, (_, value) in self.parameters_by_name().items() if value.requires_grad]
        return [v for k, v in parts if k.endswith(".weight")], [v for k, v in parts if not k.endswith(".weight")]

    def fans(self, key, shape):
        """Fan in and fan out of a kernel in TFLite's layout. A depthwise channel sees one channel and is seen by one."""
        taps = shape[1] * shape[2] if len(shape) == 4 else 1
        return (taps, taps) if key.endswith("depthwise.weight") else (math.prod(shape[1:]), shape[0] * taps)

    def initialise(self, seed, kind="he_normal"):
        """`he_normal` (variance 2 / fan in) or `glorot_uniform` (Keras' default), factors 1, offsets 0."""
        random, tensors = np.random.default_rng(seed), self.tensors()
        for key, value in tensors.items():
            if not key.endswith(".weight"):
                tensors[key] = np.full_like(value, 1 if key.endswith((".gamma", ".variance")) else 0)
                continue
            fan_in, fan_out = self.fans(key, value.shape)
            if kind == "he_normal":
                tensors[key] = random.normal(0, math.sqrt(2 / fan_in), value.shape)
            elif kind == "glorot_uniform":
                limit = math.sqrt(6 / (fan_in + fan_out))
                tensors[key] = random.uniform(-limit, limit, value.shape)
            else:
                raise ValueError(f"initialisation {kind!r}; there are he_normal and glorot_uniform")
        self.load(tensors)
        return self

    def macs(self):
        """Multiply-accumulates of one image in convolutions and dense layers."""
        total = 0
        for (name, _), (h, w, c) in zip(self.layers[1:], self.shapes[1:]):
            if isinstance(self.modules_by_name[name], (Conv, Dense)):
                total += h * w * c * math.prod(self.modules_by_name[name].weight.shape[1:])
        return total
