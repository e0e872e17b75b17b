"""CNN classifiers from TFLite to ONNX, for the peers that read ONNX.

Quantised tensors become QuantizeLinear/DequantizeLinear pairs around float operators ("QDQ"), which ONNX Runtime and OpenVINO turn
into integer kernels. Decisions are made in the peers' favour: the input is NCHW already (no transposition is timed), activations are
uint8 where asked (what their VNNI kernels like best: code + 128), PAD goes into the convolution or pooling that follows where that
changes nothing, and a clamp that the output's range implies is left out.
"""

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper

OPSET = 19
IR_VERSION = 10
OPERATORS = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
DTYPES = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}


def read(path):
    """The model's object tree (`schema.ModelT`)."""
    with open(path, "rb") as file:
        return schema.ModelT.InitFromPackedBuf(file.read(), 0)


def operator_name(model, op):
    code = model.operatorCodes[op.opcodeIndex]
    return OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]


def constant(model, tensor):
    """The values of a constant tensor, or None."""
    data = model.buffers[tensor.buffer].data
    if data is None or len(data) == 0:
        return None
    return np.frombuffer(bytes(data), DTYPES[tensor.type]).reshape([int(n) for n in tensor.shape])


def is_quantised(tensor):
    return tensor.type == schema.TensorType.INT8


class Converter:
    def __init__(self, model, batch, unsigned):
        self.model, self.graph = model, model.subgraphs[0]
        self.batch, self.unsigned = batch, unsigned
        self.nodes, self.constants, self.known, self.pads = [], [], {}, {}

    # --- values -------------------------------------------------------------------------------------------------------------

    def keep(self, name, array):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], name=f"{kind}_{output}", **attributes))
        return output

    def code_type(self):
        return TensorProto.UINT8 if self.unsigned else TensorProto.INT8

    def scale_and_zero(self, index):
        """Names of the constants that describe an activation's quantisation."""
        scale, zero = f"t{index}_scale", f"t{index}_zero"
        if scale not in self.known:
            quantisation = self.graph.tensors[index].quantization
            point = int(quantisation.zeroPoint[0])
            self.keep(scale, np.float32(quantisation.scale[0]))
            self.keep(zero, np.uint8(point + 128) if self.unsigned else np.int8(point))
            self.known[scale] = True
        return [scale, zero]

    def real(self, index):
        """Name of an activation's float value."""
        if not is_quantised(self.graph.tensors[index]):
            return f"t{index}"
        if index not in self.known:
            self.known[index] = self.node("DequantizeLinear", [f"t{index}", *self.scale_and_zero(index)], f"t{index}_real")
        return self.known[index]

    def finish(self, index, name):
        """Says that the float value `name` is the activation `index`."""
        self.nodes[-1].output[0] = name
        if is_quantised(self.graph.tensors[index]):
            self.node("QuantizeLinear", [name, *self.scale_and_zero(index)], f"t{index}")
        else:
            self.nodes[-1].output[0] = f"t{index}"

    def weights(self, index, order):
        """Name of a constant's float value, its axes in this order with the output channels first."""
        tensor = self.graph.tensors[index]
        values = constant(self.model, tensor).transpose(order)
        if not is_quantised(tensor):
            return self.keep(f"t{index}", values)
        scale = np.float32(tensor.quantization.scale)
        self.keep(f"t{index}", values)
        self.keep(f"t{index}_scale", scale if len(scale) > 1 else scale[0])
        self.keep(f"t{index}_zero", np.zeros(scale.shape if len(scale) > 1 else (), np.int8))
        axis = {"axis": 0} if len(scale) > 1 else {}
        return self.node("DequantizeLinear", [f"t{index}", f"t{index}_scale", f"t{index}_zero"], f"t{index}_real", **axis)

    def bias(self, op):
        """Name of the float bias, as a list that is empty where there is none."""
        if len(op.inputs) < 3 or op.inputs[2] < 0:
            return []
        index = op.inputs[2]
        tensor = self.graph.tensors[index]
        self.keep(f"t{index}", constant(self.model, tensor).reshape(-1))
        if tensor.type != schema.TensorType.INT32:
            return [f"t{index}"]
        inputs = self.graph.tensors[op.inputs[0]].quantization.scale[0]
        scale = np.float32(inputs) * np.float32(self.graph.tensors[op.inputs[1]].quantization.scale)
        self.keep(f"t{index}_scale", scale if len(scale) > 1 else scale[0])
        axis = {"axis": 0} if len(scale) > 1 else {}
        return [self.node("DequantizeLinear", [f"t{index}", f"t{index}_scale"], f"t{index}_real", **axis)]

    # --- operators ----------------------------------------------------------------------------------------------------------

    def activate(self, op, kind, name):
        """Appends the fused activation, unless the output's range implies it. Returns the value's name."""
        if kind == schema.ActivationFunctionType.NONE:
            return name
        limits = {schema.ActivationFunctionType.RELU: (0.0, np.inf), schema.ActivationFunctionType.RELU6: (0.0, 6.0)}
        if kind not in limits:
            raise ValueError(f"activation {kind} is not converted")
        low, high = limits[kind]
        tensor = self.graph.tensors[op.outputs[0]]
        if is_quantised(tensor):
            scale, zero = tensor.quantization.scale[0], int(tensor.quantization.zeroPoint[0])
            # Half a step beyond the limit still rounds to the limit's code.
            if scale * (-128 - zero) > low - scale / 2 and scale * (127 - zero) < high + scale / 2:
                return name
        self.nodes[-1].output[0] = f"{name}_raw"
        if np.isinf(high):
            return self.node("Relu", [f"{name}_raw"], name)
        bounds = [self.keep(f"{name}_low", np.float32(low)), self.keep(f"{name}_high", np.float32(high))]
        return self.node("Clip", [f"{name}_raw", *bounds], name)

    def window(self, op, kernel, options, dilation=(1, 1)):
        """ONNX pads (top, left, bottom, right), an explicit PAD before included, and the source's index."""
        source = op.inputs[0]
        extra = [0, 0, 0, 0]
        if source in self.pads:
            source, extra = self.pads[source]
        size = self.graph.tensors[op.inputs[0]].shape[1:3]
        strides = (options.strideH, options.strideW)
        before, after = [0, 0], [0, 0]
        if options.padding == schema.Padding.SAME:
            for axis in (0, 1):
                reach = (kernel[axis] - 1) * dilation[axis] + 1
                total = max((-(-int(size[axis]) // strides[axis]) - 1) * strides[axis] + reach - int(size[axis]), 0)
                before[axis], after[axis] = total // 2, total - total // 2
        return source, strides, [int(a + b) for a, b in zip(before + after, extra)]

    def convolution(self, op, depthwise):
        options, index = op.builtinOptions, op.outputs[0]
        shape = [int(n) for n in self.graph.tensors[op.inputs[1]].shape]
        channels = int(self.graph.tensors[op.inputs[0]].shape[3])
        dilation = (options.dilationHFactor, options.dilationWFactor)
        source, strides, pads = self.window(op, shape[1:3], options, dilation)
        weights = self.weights(op.inputs[1], (3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
        inputs = [self.real(source), weights, *self.bias(op)]
        self.node("Conv", inputs, f"t{index}_sum", kernel_shape=shape[1:3], strides=strides, pads=pads, dilations=dilation,
                  group=channels if depthwise else 1)
        self.finish(index, self.activate(op, options.fusedActivationFunction, f"t{index}_sum"))

    def pool(self, op, kind):
        options, index = op.builtinOptions, op.outputs[0]
        kernel = [options.filterHeight, options.filterWidth]
        source, strides, pads = self.window(op, kernel, options)
        more = {"count_include_pad": 0} if kind == "AveragePool" else {}
        self.node(kind, [self.real(source)], f"t{index}_sum", kernel_shape=kernel, strides=strides, pads=pads, **more)
        self.finish(index, self.activate(op, options.fusedActivationFunction, f"t{index}_sum"))

    def pad(self, op):
        """Leaves PAD to its consumers where each can pad by itself with the same value, else writes a Pad."""
        index = op.outputs[0]
        pads = constant(self.model, self.graph.tensors[op.inputs[1]])
        users = [o for o in self.graph.operators if index in o.inputs]
        tensor = self.graph.tensors[index]
        lowest = is_quantised(tensor) and int(tensor.quantization.zeroPoint[0]) == -128
        for user in users:
            name = operator_name(self.model, user)
            if not (name in ("CONV_2D", "DEPTHWISE_CONV_2D") or name == "MAX_POOL_2D" and (lowest or self.after_relu(op.inputs[0]))):
                break
        else:
            self.pads[index] = (op.inputs[0], [pads[1][0], pads[2][0], pads[1][1], pads[2][1]])
            return
        order = [0, 3, 1, 2]
        amounts = self.keep(f"t{index}_pads", np.int64([pads[a][0] for a in order] + [pads[a][1] for a in order]))
        self.node("Pad", [self.real(op.inputs[0]), amounts], f"t{index}_sum")
        self.finish(index, f"t{index}_sum")

    def after_relu(self, index):
        """Whether no value is below zero, so that a maximum does not see the zeros around the image."""
        makers = [o for o in self.graph.operators if index in o.outputs]
        return bool(makers) and getattr(makers[0].builtinOptions, "fusedActivationFunction", 0) in (1, 3)

    def mean(self, op):
        index = op.outputs[0]
        axes = sorted(int(a) for a in constant(self.model, self.graph.tensors[op.inputs[1]]).reshape(-1))
        if axes != [1, 2]:
            raise ValueError(f"MEAN over axes {axes} is not converted")
        name = self.node("GlobalAveragePool", [self.real(op.inputs[0])], f"t{index}_pooled")
        if op.builtinOptions.keepDims:
            return self.finish(index, name)
        if is_quantised(self.graph.tensors[index]):  # a pair after each operator, so that both become integer ones
            parameters = self.scale_and_zero(index)
            name = self.node("QuantizeLinear", [name, *parameters], f"t{index}_pooled_code")
            name = self.node("DequantizeLinear", [name, *parameters], f"t{index}_pooled_real")
        self.node("Flatten", [name], f"t{index}_flat")
        self.finish(index, f"t{index}_flat")

    def resize(self, op):
        index = op.outputs[0]
        old, new = (self.graph.tensors[i].shape for i in (op.inputs[0], index))
        if op.builtinOptions.alignCorners or new[1] % old[1] or new[2] % old[2]:
            raise ValueError("RESIZE_NEAREST_NEIGHBOR is converted for whole factors without align_corners only")
        scales = self.keep(f"t{index}_factors", np.float32([1, 1, new[1] // old[1], new[2] // old[2]]))
        self.node("Resize", [self.real(op.inputs[0]), "", scales], f"t{index}_sum", mode="nearest",
                  coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        self.finish(index, f"t{index}_sum")

    def dense(self, op):
        index = op.outputs[0]
        inputs = [self.real(op.inputs[0]), self.weights(op.inputs[1], (0, 1)), *self.bias(op)]
        self.node("Gemm", inputs, f"t{index}_sum", transB=1)
        self.finish(index, self.activate(op, op.builtinOptions.fusedActivationFunction, f"t{index}_sum"))

    def simple(self, op, kind, **attributes):
        index = op.outputs[0]
        inputs = [self.real(i) for i in op.inputs]
        self.node(kind, inputs, f"t{index}_sum", **attributes)
        self.finish(index, self.activate(op, getattr(op.builtinOptions, "fusedActivationFunction", 0), f"t{index}_sum"))

    def reshape(self, op):
        index = op.outputs[0]
        old, new = (self.graph.tensors[i].shape for i in (op.inputs[0], index))
        if len(old) == 4 and (old[1] != 1 or old[2] != 1) or len(new) != 2:
            raise ValueError(f"RESHAPE from {list(old)} to {list(new)} is not converted: it depends on the layout")
        self.node("Flatten", [self.real(op.inputs[0])], f"t{index}_sum")
        self.finish(index, f"t{index}_sum")

    def operator(self, op):
        name = operator_name(self.model, op)
        table = {
            "CONV_2D": lambda: self.convolution(op, False),
            "DEPTHWISE_CONV_2D": lambda: self.convolution(op, True),
            "MAX_POOL_2D": lambda: self.pool(op, "MaxPool"),
            "AVERAGE_POOL_2D": lambda: self.pool(op, "AveragePool"),
            "PAD": lambda: self.pad(op),
            "MEAN": lambda: self.mean(op),
            "RESIZE_NEAREST_NEIGHBOR": lambda: self.resize(op),
            "FULLY_CONNECTED": lambda: self.dense(op),
            "ADD": lambda: self.simple(op, "Add"),
            "SOFTMAX": lambda: self.simple(op, "Softmax", axis=-1),
            "RESHAPE": lambda: self.reshape(op),
        }
        if name not in table:
            raise ValueError(f"operator {name} is not converted")
        table[name]()

    # --- the whole ----------------------------------------------------------------------------------------------------------

    def value(self, index):
        tensor = self.graph.tensors[index]
        shape = [self.batch, *(int(n) for n in tensor.shape[1:])]
        if len(shape) == 4:
            shape = [shape[0], shape[3], shape[1], shape[2]]
        kind = self.code_type() if is_quantised(tensor) else TensorProto.FLOAT
        return helper.make_tensor_value_info(f"t{index}", kind, shape)

    def convert(self):
        for op in self.graph.operators:
            self.operator(op)
        inputs, outputs = ([self.value(i) for i in part] for part in (self.graph.inputs, self.graph.outputs))
        graph = helper.make_graph(self.nodes, "net", inputs, outputs, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def convert(source, target, batch=1, unsigned=True):
    """Writes the TFLite file `source` as the ONNX file `target`, for batches of `batch` images."""
    model = Converter(read(source), batch, unsigned).convert()
    onnx.checker.check_model(model)
    onnx.save(model, target)
