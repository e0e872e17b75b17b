"""The peers, each behind the same few methods. A runtime lives alone in its worker process.

`run()` is what is timed: one inference from an input tensor that is already filled to an output tensor that is already allocated.
"""

import numpy as np


class LiteRt:
    """LiteRT's interpreter: with XNNPACK (its default) or its built-in kernels alone."""

    def __init__(self, path, variant, threads, batch):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        kind = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if variant == "builtin" else OpResolverType.AUTO
        self.interpreter = Interpreter(path, num_threads=threads, experimental_op_resolver_type=kind)
        detail = self.interpreter.get_input_details()[0]
        if batch != 1:
            self.interpreter.resize_tensor_input(detail["index"], [batch, *detail["shape"][1:]])
        self.interpreter.allocate_tensors()
        self.input, self.output = self.interpreter.get_input_details()[0], self.interpreter.get_output_details()[0]
        # The wrapper's own call, without Python's look at reference counts in `Interpreter.invoke`.
        self.run = self.interpreter._interpreter.Invoke

    def fill(self, x):
        self.interpreter.set_tensor(self.input["index"], x)

    def result(self):
        return self.interpreter.get_tensor(self.output["index"])


class OnnxRuntime:
    """ONNX Runtime's CPU provider on a converted network, input and output bound beforehand."""

    def __init__(self, path, variant, threads, batch):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.x, self.y = (self.buffer(part[0]) for part in (self.session.get_inputs(), self.session.get_outputs()))
        binding = self.session.io_binding()
        binding.bind_cpu_input(self.session.get_inputs()[0].name, self.x)
        output = self.session.get_outputs()[0]
        binding.bind_output(output.name, "cpu", 0, self.y.dtype.type, self.y.shape, self.y.ctypes.data)
        native, bound = self.session._sess.run_with_iobinding, binding._iobinding
        self.binding, self.run = binding, lambda: native(bound, None)

    @staticmethod
    def buffer(argument):
        kinds = {"tensor(uint8)": np.uint8, "tensor(int8)": np.int8, "tensor(float)": np.float32}
        return np.zeros(argument.shape, kinds[argument.type])

    def fill(self, x):
        self.x[...] = channels_first(x, self.x.dtype)

    def result(self):
        return signed(self.y.copy())


class OpenVinoCpu:
    """OpenVINO's CPU plugin. It reads the TFLite file or a converted ONNX file. With several requests, a run is all of them."""

    def __init__(self, path, variant, threads, batch, requests=1, **more):
        from openvino_c import OpenVino, precisions

        self.onnx = path.endswith(".onnx")
        properties = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, **more}
        self.network = OpenVino(path, properties, requests)
        self.note = precisions(path, properties)
        self.batch, self.run = batch, self.network.run if requests == 1 else self.network.run_all

    def fill(self, x):
        self.dtype = x.dtype
        self.unsigned = self.onnx and x.dtype == np.int8
        self.network.fill((channels_first(x, np.uint8 if self.unsigned else x.dtype) if self.onnx else x).tobytes())

    def result(self):
        y = np.frombuffer(self.network.output(), np.uint8 if self.unsigned else self.dtype)
        return signed(y.reshape(self.batch, -1))


def channels_first(x, dtype):
    """NHWC to NCHW; int8 codes as uint8 ones where that is what is wanted."""
    if x.dtype == np.int8 and dtype == np.uint8:
        x = x.view(np.uint8) ^ np.uint8(0x80)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2) if x.ndim == 4 else x)


def signed(y):
    return (y ^ np.uint8(0x80)).view(np.int8) if y.dtype == np.uint8 else y


KINDS = {"litert": LiteRt, "openvino": OpenVinoCpu, "onnxruntime": OnnxRuntime}
