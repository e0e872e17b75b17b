"""OpenVINO by its C interface, so that an inference costs one foreign call and no Python objects."""

import ctypes
import glob
import os

import openvino

P = ctypes.c_void_p


class OpenVino:
    """One compiled network on the CPU with preallocated input and output. `run()` is one synchronous inference."""

    def __init__(self, path, properties, requests=1):
        folder = os.path.join(os.path.dirname(openvino.__file__), "libs")
        self.lib = ctypes.CDLL(sorted(glob.glob(os.path.join(folder, "libopenvino_c.so*")))[0])
        self.core, model, self.compiled = P(), P(), P()
        self.call("ov_core_create", ctypes.byref(self.core))
        self.call("ov_core_read_model", self.core, path.encode(), None, ctypes.byref(model))
        texts = [ctypes.c_char_p(str(text).encode()) for pair in properties.items() for text in pair]
        count = ctypes.c_size_t(len(texts))
        self.call("ov_core_compile_model", self.core, model, b"CPU", count, ctypes.byref(self.compiled), *texts)
        self.requests = [self.request() for _ in range(requests)]
        self.infer = self.lib.ov_infer_request_infer
        self.infer.argtypes, self.infer.restype = [P], ctypes.c_int
        self.first = self.requests[0]

    def call(self, name, *arguments):
        status = getattr(self.lib, name)(*arguments)
        if status != 0:
            self.lib.ov_get_last_err_msg.restype = ctypes.c_char_p
            raise RuntimeError(f"{name} failed with {status}: {self.lib.ov_get_last_err_msg()}")

    def request(self):
        request = P()
        self.call("ov_compiled_model_create_infer_request", self.compiled, ctypes.byref(request))
        return request

    def memory(self, request, which):
        """The bytes of the request's only input or output, as a writable view."""
        tensor, size, data = P(), ctypes.c_size_t(), P()
        self.call(f"ov_infer_request_get_{which}_tensor", request, ctypes.byref(tensor))
        self.call("ov_tensor_get_byte_size", tensor, ctypes.byref(size))
        self.call("ov_tensor_data", tensor, ctypes.byref(data))
        return (ctypes.c_ubyte * size.value).from_address(data.value)

    def fill(self, data):
        for request in self.requests:
            view = self.memory(request, "input")
            if len(view) != len(data):
                raise ValueError(f"the input holds {len(view)} bytes, {len(data)} were given")
            ctypes.memmove(view, data, len(data))

    def output(self):
        return bytes(self.memory(self.first, "output"))

    def run(self):
        if self.infer(self.first) != 0:
            raise RuntimeError("ov_infer_request_infer failed")

    def run_all(self):
        """All requests at the same time."""
        for request in self.requests:
            self.lib.ov_infer_request_start_async(request)
        for request in self.requests:
            self.lib.ov_infer_request_wait(request)


def precisions(path, properties):
    """How many layers of the compiled network run how, by kind: `{"Convolution": {"u8 brgconv_avx512_vnni": 9}}`."""
    compiled = openvino.Core().compile_model(path, "CPU", properties)
    counts = {}
    for layer in compiled.get_runtime_model().get_ops():
        info = layer.get_rt_info()
        kind, precision, how = (info[key].astype(str) for key in ("layerType", "runtimePrecision", "primitiveType"))
        if kind in ("Convolution", "FullyConnected", "MatMul"):
            key = f"{precision} {how}"
            counts.setdefault(kind, {}).setdefault(key, 0)
            counts[kind][key] += 1
    return counts
