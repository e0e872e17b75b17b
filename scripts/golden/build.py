"""Builds single-operator `.tflite` files and runs them in LiteRT.

A `Tensor` says what a tensor is; `model()` wires tensors to one operator. Scales are binary32, as in the file format.
"""

from dataclasses import dataclass, field

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

TYPES = {
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int4": schema.TensorType.INT4,
    "bool": schema.TensorType.BOOL,
}

MODES = {
    "ref": OpResolverType.BUILTIN_REF,
    "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "litert": OpResolverType.AUTO,
}


@dataclass
class Tensor:
    """One tensor: `shape`, `dtype` (a key of TYPES), quantisation, and `data` when it is a constant."""

    shape: tuple
    dtype: str = "int8"
    scale: object = None  # float, or a list for per-channel quantisation
    zp: object = 0
    axis: int = 0  # quantised dimension of a per-channel tensor
    data: object = None
    name: str = field(default="")


def const(values, dtype, **quantisation):
    """A constant tensor holding `values`."""
    values = np.asarray(values)
    return Tensor(values.shape, dtype, data=values, **quantisation)


def _bytes(t):
    if t.dtype == "int4":
        nibbles = np.asarray(t.data, np.int8).ravel().astype(np.uint8) & 15
        nibbles = np.append(nibbles, np.zeros(nibbles.size % 2, np.uint8))
        return nibbles[0::2] | (nibbles[1::2] << 4)
    return np.frombuffer(np.ascontiguousarray(np.asarray(t.data, t.dtype)).tobytes(), np.uint8)


def _quantisation(t):
    if t.scale is None:
        return None
    q = schema.QuantizationParametersT()
    q.scale = np.atleast_1d(np.asarray(t.scale, np.float32))
    q.zeroPoint = np.broadcast_to(np.asarray(t.zp, np.int64), q.scale.shape).copy()
    q.quantizedDimension = t.axis
    return q


def _options(op, options):
    """`options` is None or (name without "Options", {field: value})."""
    if options is None:
        return
    kind, fields = options
    table = getattr(schema, kind + "OptionsT")()
    for name, value in fields.items():
        assert hasattr(table, name), (kind, name)
        setattr(table, name, value)
    if hasattr(schema.BuiltinOptions, kind + "Options"):
        op.builtinOptionsType = getattr(schema.BuiltinOptions, kind + "Options")
        op.builtinOptions = table
    else:
        op.builtinOptions2Type = getattr(schema.BuiltinOptions2, kind + "Options")
        op.builtinOptions2 = table


def model(op_name, inputs, outputs, options=None, version=1):
    """The bytes of a `.tflite` file with one operator. An input of None is an absent optional input."""
    m, g, op = schema.ModelT(), schema.SubGraphT(), schema.OperatorT()
    m.version, m.description = 3, "golden"
    m.buffers = [schema.BufferT()]
    g.tensors, indices = [], []
    for position, t in enumerate(list(inputs) + list(outputs)):
        if t is None:
            indices.append(-1)
            continue
        table = schema.TensorT()
        table.shape, table.type = list(t.shape), TYPES[t.dtype]
        table.name = t.name or (f"x{position}" if position < len(inputs) else f"y{position - len(inputs)}")
        table.quantization = _quantisation(t)
        if t.data is not None:
            table.buffer = len(m.buffers)
            m.buffers.append(schema.BufferT())
            m.buffers[-1].data = _bytes(t)
        indices.append(len(g.tensors))
        g.tensors.append(table)
    n = len(inputs)
    op.inputs, op.outputs = indices[:n], indices[n:]
    _options(op, options)
    g.inputs = [i for i, t in zip(indices[:n], inputs) if t is not None and t.data is None]
    g.outputs, g.operators = indices[n:], [op]
    code = schema.OperatorCodeT()
    builtin = getattr(schema.BuiltinOperator, op_name)
    code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), version
    m.operatorCodes, m.subgraphs = [code], [g]
    builder = flatbuffers.Builder(4096)
    builder.Finish(m.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def run(content, arrays, mode):
    """Runs one model in one mode; returns the list of its outputs."""
    interpreter = Interpreter(
        model_content=content, num_threads=1, experimental_op_resolver_type=MODES[mode]
    )
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), arrays):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]).copy() for d in interpreter.get_output_details()]


def delegated(content):
    """Whether the default interpreter hands the operator to XNNPACK."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    return any(d["op_name"] == "DELEGATE" for d in interpreter._get_ops_details())
