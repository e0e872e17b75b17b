"""Where the networks are, and what is made of them: ONNX files, float32 versions, and versions that end before the softmax."""

import os

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

import tflite_to_onnx
from tflite_to_onnx import constant, is_quantised, operator_name, read

INT8 = ["resnet8", "resnet20", "mbv2_035_32", "mbv2_100_32", "mbv2_224", "resnet50_224", "vgg19_224"]
FLOAT32 = ["resnet8", "resnet20", "mbv2_035_32", "mbv2_224", "resnet50_224", "vgg19_224"]


class Net:
    """A network by name and type (`int8` or `float32`), and the files derived from it, made when first asked for."""

    def __init__(self, name, kind, folder, cache):
        self.name, self.kind, self.cache = name, kind, cache
        self.path = os.path.join(folder, f"{name}_{kind}.tflite")
        if kind == "float32" and not os.path.exists(self.path):
            self.path = self.made("float32", ".tflite", lambda target: to_float(os.path.join(folder, f"{name}_int8.tflite"), target))
        if not os.path.exists(self.path):
            raise FileNotFoundError(f"{self.path} does not exist; say with --models or EDGEBENCH_MODELS where the networks are")

    def made(self, what, suffix, make):
        target = os.path.join(self.cache, f"{self.name}_{self.kind}_{what}{suffix}")
        if not os.path.exists(target):
            os.makedirs(self.cache, exist_ok=True)
            make(target + ".part")
            os.replace(target + ".part", target)
        return target

    def onnx(self, variant, batch=1, logits=False):
        """The ONNX version; variant `u8` or `s8` says what holds the activations (float32 networks: `f32`)."""
        source = self.logits() if logits else self.path
        what = f"{variant}_batch{batch}{'_logits' if logits else ''}"
        return self.made(what, ".onnx", lambda target: tflite_to_onnx.convert(source, target, batch, variant == "u8"))

    def logits(self):
        """The network without its softmax: there a wrong code cannot hide behind a probability of nearly 0 or 1."""
        return self.made("logits", ".tflite", lambda target: without_softmax(self.path, target))

    def inputs(self, count, batch=1):
        """Random images: all codes, or 0 to 1."""
        shape = [batch, *(int(n) for n in input_tensor(read(self.path)).shape[1:])]
        random = np.random.default_rng(1)
        for _ in range(count):
            if self.kind == "int8":
                yield random.integers(-128, 128, shape).astype(np.int8)
            else:
                yield random.uniform(0, 1, shape).astype(np.float32)


def input_tensor(model):
    graph = model.subgraphs[0]
    return graph.tensors[graph.inputs[0]]


def write(model, path):
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    with open(path, "wb") as file:
        file.write(builder.Output())


def without_softmax(source, target):
    model = read(source)
    graph = model.subgraphs[0]
    last = graph.operators[-1]
    if operator_name(model, last) != "SOFTMAX":
        raise ValueError(f"{source} does not end with SOFTMAX")
    graph.operators = graph.operators[:-1]
    graph.outputs = np.int32([last.inputs[0]])
    model.signatureDefs = None
    write(model, target)


def to_float(source, target):
    """The quantised network `source` with float32 constants and activations: code minus zero point, times scale."""
    model = read(source)
    graph = model.subgraphs[0]
    constants = [(tensor, constant(model, tensor)) for tensor in graph.tensors]
    scales = {}  # bias tensor -> scales of its codes
    for op in graph.operators:
        if len(op.inputs) > 2 and operator_name(model, op) in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            scales[op.inputs[2]] = np.float64(graph.tensors[op.inputs[0]].quantization.scale[0]) * graph.tensors[op.inputs[1]].quantization.scale
    for index, (tensor, values) in enumerate(constants):
        if values is None:
            replaced = None
        elif is_quantised(tensor):
            shape = [1] * values.ndim
            shape[tensor.quantization.quantizedDimension] = -1
            scale, zero = (np.float64(part).reshape(shape) for part in (tensor.quantization.scale, tensor.quantization.zeroPoint))
            replaced = (values - zero) * scale
        elif index in scales:
            replaced = values * scales[index]
        else:
            continue  # shapes, axes and paddings stay integers
        if replaced is not None:
            model.buffers.append(schema.BufferT())
            model.buffers[-1].data = np.frombuffer(replaced.astype(np.float32).tobytes(), np.uint8)
            tensor.buffer = len(model.buffers) - 1
        if values is not None or is_quantised(tensor):
            tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
    used = {tensor.buffer for tensor in graph.tensors}
    for index, buffer in enumerate(model.buffers):
        if index not in used:
            buffer.data = None
    write(model, target)
