"""Operators that multiply and accumulate: convolutions, fully connected, matrix product."""

import numpy as np

from build import Tensor, const
from case import HIGH, LOW, NONE, RELU, RELU6, RELU_N1_TO_1, SAME, VALID, Rng, activation, case

ACTIVATIONS = [NONE, RELU, RELU6, RELU_N1_TO_1]


def out_size(n, k, stride, dilation, padding):
    extent = (k - 1) * dilation + 1
    return -(-n // stride) if padding == SAME else (n - extent) // stride + 1


def spread(x, w, w_scale, axis, act):
    """Output scale under which the standard deviation of the accumulators is some 2/5 of the output's half range.

    With an activation that has an upper bound, the input's scale is moved so that the bound falls inside the range.
    """
    half = (HIGH[x.dtype] - LOW[x.dtype]) / 2
    rows = np.moveaxis(np.asarray(w.data, np.float64) - w.zp, axis, 0).reshape(w.shape[axis], -1)
    mean = (HIGH[x.dtype] + LOW[x.dtype]) / 2 - x.zp
    deviation = np.sqrt((mean * rows.sum(1)) ** 2 + (0.6 * half) ** 2 * (rows**2).sum(1))
    real = np.mean(deviation * w_scale)
    if act in (RELU6, RELU_N1_TO_1):
        x.scale = np.float32((4.0 if act == RELU6 else 0.8) / real)
    return np.float32(2.5 * real * np.float64(x.scale) / half)


def parameters(rng, kind, x, w_shape, axis, style, act=NONE, per_channel=True, dead=False):
    """Weights, bias and output parameters for a kind of arithmetic. `dead`: channel 0 has weights 0 and a scale of nearly 0, as
    converters write for a channel that is always 0."""
    channels = w_shape[axis]
    if kind == "float32":
        w = const(rng.rng.normal(0, 0.3, w_shape).astype(np.float32), "float32")
        return w, const(rng.rng.normal(0, 1, channels).astype(np.float32), "float32"), {}
    w_type = {"uint8": "uint8", "int4": "int4"}.get(kind, "int8")
    w_scale = rng.scale(-9, -5, channels if per_channel and kind != "uint8" else None)
    if dead:
        w_scale[0] = np.float32(2.1e-11)
    w_zp = int(rng.rng.integers(100, 156)) if kind == "uint8" else 0
    codes = rng.codes(w_type, w_shape, style % 2)
    if kind == "hybrid":
        # No converter writes −128, and LiteRT's kernel for x86 takes −128 times a negative code for its opposite.
        codes = np.maximum(codes, -127)
    w = const(codes, w_type, scale=w_scale, zp=w_zp, axis=axis if np.ndim(w_scale) else 0)
    if kind == "hybrid":
        return w, const(rng.rng.normal(0, 1, channels).astype(np.float32), "float32"), {}
    b_type = "int64" if kind == "int16x8" else "int32"
    spread_bias = 3000 * (256 if kind == "int16x8" else 1)
    out_type = x.dtype
    s_out = np.float32(spread(x, w, w_scale, axis, act) * rng.scale(-0.5, 0.5))
    biases = rng.rng.integers(-spread_bias, spread_bias, channels)
    if dead:
        codes[0], biases[0] = 0, 1073741760
    bias = const(biases, b_type, scale=np.float32(x.scale) * w_scale, zp=0)
    zp = rng.zp(out_type, 2 if act != NONE and style % 4 == 1 else style)
    return w, bias, {"scale": s_out, "zp": zp}


ACT_TYPE = {"int8": "int8", "int8pt": "int8", "uint8": "uint8", "int16x8": "int16", "int4": "int8", "hybrid": "float32", "float32": "float32"}


def conv(name, kind, h, w_, c, o, k, stride=1, dilation=1, padding=SAME, act=NONE, style=2, groups=1, n=1, bias_type=None, dead=False, **more):
    rng = Rng(name)
    kh, kw = k
    x = activation(rng, (n, h, w_, c), ACT_TYPE[kind], style)
    w, b, q = parameters(rng, kind, x, (o, kh, kw, c // groups), 0, style, act, kind != "int8pt", dead)
    if kind == "int8pt":
        kind = "int8"
    opts = {"padding": padding, "strideH": stride, "strideW": stride, "dilationHFactor": dilation, "dilationWFactor": dilation, "fusedActivationFunction": act}
    if bias_type:
        b = const(np.clip(b.data, -2**30, 2**30), bias_type, scale=b.scale, zp=0)
        opts["quantizedBiasType"] = 2
    y = Tensor((n, out_size(h, kh, stride, dilation, padding), out_size(w_, kw, stride, dilation, padding), o), x.dtype, **q)
    return case(name, "CONV_2D", [x, w, b], [y], ("Conv2D", opts), style=3, **more)


def depthwise(name, kind, h, w_, c, m, k, stride=1, dilation=1, padding=SAME, act=NONE, style=2, n=1, **more):
    rng = Rng(name)
    kh, kw = k
    x = activation(rng, (n, h, w_, c), ACT_TYPE[kind], style)
    w, b, q = parameters(rng, kind, x, (1, kh, kw, c * m), 3, style, act, kind != "int8pt")
    opts = {"padding": padding, "strideH": stride, "strideW": stride, "dilationHFactor": dilation, "dilationWFactor": dilation, "depthMultiplier": m, "fusedActivationFunction": act}
    y = Tensor((n, out_size(h, kh, stride, dilation, padding), out_size(w_, kw, stride, dilation, padding), c * m), x.dtype, **q)
    return case(name, "DEPTHWISE_CONV_2D", [x, w, b], [y], ("DepthwiseConv2D", opts), style=3, **more)


def transpose_conv(name, kind, h, w_, c, o, k, stride, padding, bias=True, style=2, **more):
    rng = Rng(name)
    x = activation(rng, (1, h, w_, c), ACT_TYPE[kind], style)
    w, b, q = parameters(rng, kind, x, (o, k, k, c), 0, style, per_channel=kind != "int8pt")
    grow = (lambda n: n * stride) if padding == SAME else (lambda n: (n - 1) * stride + k)
    shape = (1, grow(h), grow(w_), o)
    y = Tensor(shape, x.dtype, **q)
    inputs = [const(np.array(shape, np.int32), "int32"), w, x] + ([b] if bias else [])
    return case(name, "TRANSPOSE_CONV", inputs, [y], ("TransposeConv", {"padding": padding, "strideH": stride, "strideW": stride}), version=3 if bias else 2, **more)


def dense(name, kind, rows, c, o, act=NONE, bias=True, style=2, w_zp=0, keep=False, asymmetric=False, **more):
    rng = Rng(name)
    shape = (rows, c) if np.ndim(rows) == 0 else tuple(rows) + (c,)
    x = activation(rng, shape, ACT_TYPE[kind], style)
    per_channel = kind in ("int8", "int4")
    w, b, q = parameters(rng, kind, x, (o, c), 0, style, act, per_channel)
    if w_zp:
        w.zp = w_zp
    opts = {"fusedActivationFunction": act, "keepNumDims": keep, "asymmetricQuantizeInputs": asymmetric}
    y = Tensor(shape[:-1] + (o,) if keep else (int(np.prod(shape[:-1])), o), x.dtype, **q)
    return case(name, "FULLY_CONNECTED", [x, w, b if bias else None], [y], ("FullyConnected", opts), **more)


def matmul(name, dtype, a, b, out, adj_x=False, adj_y=False, rhs_zp=0, constant=False, **more):
    rng = Rng(name)
    x, y = activation(rng, a, dtype), activation(rng, b, dtype)
    if dtype == "int8":
        y.zp = rhs_zp
        z = Tensor(out, dtype, scale=np.float32(x.scale * y.scale * 120), zp=rng.zp(dtype))
    else:
        z = Tensor(out, dtype)
    if constant:
        y.data = rng.codes(dtype, b)
    return case(name, "BATCH_MATMUL", [x, y], [z], ("BatchMatMul", {"adjX": adj_x, "adjY": adj_y}), **more)


def cases():
    i = 0
    for kind in ("int8", "int8pt", "uint8"):
        for h, w, c, o, k, stride, dilation, padding in [
            (5, 7, 3, 6, (3, 3), 1, 1, SAME), (6, 5, 5, 7, (3, 3), 2, 1, SAME), (7, 8, 4, 9, (1, 1), 1, 1, VALID),
            (9, 7, 2, 5, (5, 3), 1, 1, VALID), (9, 9, 3, 4, (3, 3), 1, 2, SAME), (6, 6, 3, 4, (1, 1), 2, 1, SAME),
            (4, 4, 17, 33, (2, 2), 1, 1, SAME), (1, 1, 70, 11, (1, 1), 1, 1, SAME)]:
            yield conv(f"conv_{kind}_{i}", kind, h, w, c, o, k, stride, dilation, padding, ACTIVATIONS[i % 4], i, n=1 + (i % 6 == 5))
            i += 1
        yield depthwise(f"dw_{kind}_a", kind, 6, 7, 5, 1, (3, 3), act=ACTIVATIONS[i % 4], style=0)
        yield depthwise(f"dw_{kind}_b", kind, 7, 7, 3, 2, (3, 3), 2, act=RELU6, style=1)
        yield depthwise(f"dw_{kind}_c", kind, 8, 9, 16, 1, (5, 5), 1, 1, VALID, style=2)
        yield depthwise(f"dw_{kind}_d", kind, 7, 6, 9, 1, (3, 3), 1, 2, act=RELU, style=3, n=2)
        yield depthwise(f"dw_{kind}_e", kind, 4, 4, 1, 3, (2, 2), 1, 1, VALID, act=RELU_N1_TO_1)
        yield transpose_conv(f"tconv_{kind}_a", kind, 3, 4, 3, 5, 3, 2, SAME)
        yield transpose_conv(f"tconv_{kind}_b", kind, 3, 3, 4, 2, 2, 2, VALID, style=1)
        yield transpose_conv(f"tconv_{kind}_c", kind, 4, 3, 2, 3, 3, 1, SAME, bias=False, style=0)
        yield dense(f"fc_{kind}_a", kind, 5, 37, 13, ACTIVATIONS[i % 4])
        yield dense(f"fc_{kind}_b", kind, 1, 130, 10, RELU6, style=0)
        yield dense(f"fc_{kind}_c", kind, 3, 8, 17, bias=False, style=1)
    yield conv("conv_int8_dead_channel", "int8", 24, 24, 2, 16, (1, 1), dead=True)  # enough outputs to tell roundings apart
    yield conv("conv_int8_groups", "int8", 5, 5, 6, 8, (3, 3), groups=2)
    yield conv("conv_int8_groups_dw", "int8", 5, 5, 4, 4, (3, 3), groups=4, act=RELU)
    for j, act in enumerate(ACTIVATIONS):
        yield conv(f"conv_float_{j}", "float32", 6, 5, 3 + j, 5, [(3, 3), (1, 1), (5, 5), (3, 3)][j], 1 + j % 2, act=act)
        yield depthwise(f"dw_float_{j}", "float32", 6, 5, 3 + j, 1 + j % 2, [(3, 3), (5, 5), (3, 3), (2, 4)][j], 1 + j % 2, act=act)
        yield dense(f"fc_float_{j}", "float32", 1 + j, 19 + 20 * j, 6, act, bias=j != 1)
    yield conv("conv_float_groups", "float32", 5, 5, 6, 4, (3, 3), groups=2)
    yield transpose_conv("tconv_float_a", "float32", 3, 4, 3, 5, 3, 2, SAME)
    yield transpose_conv("tconv_float_b", "float32", 3, 3, 4, 2, 2, 2, VALID, bias=False)
    for j in range(3):
        yield conv(f"conv_int16_{j}", "int16x8", 5, 6, 3, 5, (3, 3), 1 + j % 2, act=ACTIVATIONS[j])
        yield depthwise(f"dw_int16_{j}", "int16x8", 5, 6, 5, 1 + j % 2, (3, 3), 1 + j % 2, act=ACTIVATIONS[j])
        yield dense(f"fc_int16_{j}", "int16x8", 2, 21, 7, ACTIVATIONS[j], bias=j != 2)
        yield conv(f"conv_int4_{j}", "int4", 5, 6, 4, 5, (3, 3), 1 + j % 2, act=ACTIVATIONS[j])
        yield dense(f"fc_int4_{j}", "int4", 3, 20 + 2 * j, 7, ACTIVATIONS[j])
        yield conv(f"conv_hybrid_{j}", "hybrid", 6, 5, 4, 6, [(3, 3), (1, 1), (3, 3)][j], [1, 1, 2][j], act=ACTIVATIONS[j], n=1 + j % 2)
        yield depthwise(f"dw_hybrid_{j}", "hybrid", 6, 5, 9, 1 + j % 2, (3, 3), 1 + j % 2, act=ACTIVATIONS[j])
        yield dense(f"fc_hybrid_{j}", "hybrid", 3, 40, 7, ACTIVATIONS[j], asymmetric=j == 1)
    yield transpose_conv("tconv_int16", "int16x8", 3, 4, 3, 5, 3, 2, SAME)
    yield conv("conv_int16_bias32", "int16x8", 5, 6, 3, 5, (3, 3), bias_type="int32")
    yield depthwise("dw_int4", "int4", 6, 5, 11, 1, (3, 3), modes=("litert",))
    yield dense("fc_int8_many_1", "int8pt", 24, 48, 40)  # enough outputs to tell single from double rounding
    yield dense("fc_int8_weight_zp", "int8pt", 3, 19, 5, w_zp=7)
    yield dense("fc_int8_keep", "int8", (2, 3), 12, 5, keep=True)
    yield dense("fc_float_keep", "float32", (2, 3), 12, 5, keep=True)
    yield matmul("matmul_int8_a", "int8", (2, 3, 7), (2, 7, 5), (2, 3, 5))
    yield matmul("matmul_int8_b", "int8", (2, 3, 7), (2, 5, 7), (2, 3, 5), adj_y=True, rhs_zp=11)
    yield matmul("matmul_int8_c", "int8", (3, 7), (7, 5), (3, 5), constant=True)
    yield matmul("matmul_float_a", "float32", (2, 3, 7), (2, 7, 5), (2, 3, 5))
    yield matmul("matmul_float_b", "float32", (2, 7, 3), (2, 5, 7), (2, 3, 5), adj_x=True, adj_y=True)
