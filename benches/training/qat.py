"""Quantisation-aware training as PyTorch has it (torch.ao, eager mode): what edgebench's is timed against.

Convolution and batch normalisation become one module that trains with the folded weights, fake-quantised per channel; what an
activation, an addition, a pooling or the last layer yields is fake-quantised per tensor with a moving average of its range.
"""

import warnings

import torch.ao.nn.intrinsic.qat as nniqat
import torch.ao.nn.qat as nnqat
from torch import nn
from torch.ao.quantization import FusedMovingAvgObsFakeQuantize, QConfig, default_fused_per_channel_wt_fake_quant

from layers import Add, Conv, Dense, MaxPool

ACTIVATIONS = FusedMovingAvgObsFakeQuantize.with_args(quant_min=0, quant_max=255, reduce_range=False)
QCONFIG = QConfig(activation=ACTIVATIONS, weight=default_fused_per_channel_wt_fake_quant)


class DenseQat(nnqat.Linear):
    """`Dense` with fake-quantised weights."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1).flatten(1))[:, :, None, None]


class Quantised(nn.Module):
    """A module whose result is fake-quantised."""

    def __init__(self, module):
        super().__init__()
        self.module, self.fake = module, ACTIVATIONS()

    def forward(self, *inputs):
        return self.fake(self.module(*inputs))


def convolution(module, norm):
    """The fake-quantised version of a convolution, with batch normalisation if `norm` follows."""
    if module.same:
        raise ValueError("torch.ao pads evenly: build the network with symmetric=True")
    shape = (module.in_channels, module.out_channels, module.kernel_size, module.stride, module.padding, module.dilation, module.groups)
    if norm is None:
        made = nnqat.Conv2d(*shape, bias=module.bias is not None, qconfig=QCONFIG)
        made.bias = module.bias
    else:
        made = nniqat.ConvBn2d(*shape, bias=False, eps=norm.eps, momentum=norm.momentum, qconfig=QCONFIG)
        made.bn = norm
    made.weight = module.weight
    return made


def prepare(net):
    """Replaces the modules of a `Net` in place. A rectifier is fused: only what follows it is quantised, not what it takes."""
    warnings.filterwarnings("ignore", category=UserWarning)
    modules, takers = net.modules_by_name, {}
    for name, inputs in net.layers:
        for at in inputs:
            takers.setdefault(net.layers[at][0], []).append(name)
    for name, _ in net.layers[1:]:
        module, followers = modules[name], [modules[taker] for taker in takers.get(name, [])]
        follower = followers[0] if len(followers) == 1 else None
        rectified = isinstance(follower, (nn.ReLU, nn.ReLU6, nn.Hardswish))
        if isinstance(module, Conv):
            norm = follower if isinstance(follower, nn.BatchNorm2d) else None
            modules[name] = convolution(module, norm)
            if norm is None and not rectified:
                modules[name] = Quantised(modules[name])
        elif isinstance(module, nn.BatchNorm2d):  # went into the convolution before it
            modules[name] = nn.Identity() if rectified else ACTIVATIONS()
        elif isinstance(module, Dense):
            made = DenseQat(module.in_features, module.out_features, qconfig=QCONFIG)
            made.weight, made.bias = module.weight, module.bias
            modules[name] = Quantised(made)
        elif not isinstance(module, MaxPool) and not (isinstance(module, Add) and rectified):
            modules[name] = Quantised(module)
    return nn.Sequential(ACTIVATIONS(), net)
