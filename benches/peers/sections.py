"""What is measured: one function for each section, each giving plain rows for the report."""

import os

import edgebench
from edgebench import Edgebench
from measure import Check, Together, interleaved, median, results, say
from nets import FLOAT32, INT8, Net
from worker import Worker

F32 = {"INFERENCE_PRECISION_HINT": "f32"}
THROUGHPUT_NETS = ["resnet8", "mbv2_035_32", "mbv2_224"]


class Plan:
    """The options that all sections need."""

    def __init__(self, args):
        self.binary, self.folder = os.path.abspath(args.binary), args.models
        self.cache = os.path.join(os.path.abspath(args.cache), "nets")
        self.rounds, self.seconds, self.wanted = args.rounds, args.seconds, args.nets

    def nets(self, names, kind):
        return [Net(name, kind, self.folder, self.cache) for name in names if not self.wanted or name in self.wanted]


def peers(net):
    """(runtime, variant, path, path of the network without softmax, more) of each peer's configurations."""
    onnx = "u8" if net.kind == "int8" else "f32"
    more = {} if net.kind == "int8" else F32
    logits = net.onnx(onnx, logits=True)
    return [
        ("litert", "xnnpack", net.path, net.logits(), {}),
        ("litert", "builtin", net.path, net.logits(), {}),
        ("openvino", "tflite", net.path, net.logits(), more),
        ("openvino", f"onnx {onnx}", net.onnx(onnx), logits, more),
        ("onnxruntime", f"onnx {onnx}", net.onnx(onnx), logits, {}),
    ]


def checked(net, configurations):
    """Workers of those whose outputs are right, and the refusals of the others."""
    check, workers, refused = Check(net), [], []
    for runtime, variant, path, logits, more in configurations:
        try:
            difference, why = check.refusal(runtime, variant, logits, **more)
            if why is None:
                worker = Worker(runtime, variant, path, **more)
        except RuntimeError as error:
            why = str(error)
        if why is None:
            worker.difference = difference
            workers.append(worker)
        else:
            say(f"  {runtime} ({variant}) is not reported: {why}")
            refused.append({"runtime": runtime, "variant": variant, "why": why})
    return check, workers, refused


def latency(plan, names, kind, isa=None, configurations=peers):
    """One image, one thread: edgebench and every configuration of every peer."""
    rows = []
    for net in plan.nets(names, kind):
        say(f"{net.name} {kind}")
        check, workers, refused = checked(net, configurations(net))
        ours = Edgebench(plan.binary, net.path, isa=isa)
        ours.difference = check.distance(edgebench.outputs(plan.binary, net.logits(), check.inputs, isa))
        candidates = [ours, *workers]
        timed = results(candidates, interleaved(candidates, plan.rounds, plan.seconds))
        for candidate, row in zip(candidates, timed):
            row["difference"] = candidate.difference
            candidate.close()
        rows.append({
            "net": net.name, "kind": kind, "mmacs": ours.slices[0]["macs"] / 1e6, "isa": ours.slices[0]["isa"],
            "peak_gmacs": ours.median("peak_gmacs"), "peak_share": ours.median("peak_share"),
            "runtimes": timed, "refused": refused,
        })
        say("  " + ", ".join(f"{row['runtime']} {row['variant']} {row['per_image_ms']:.4f}" for row in timed))
    return rows


def int8(plan):
    return latency(plan, INT8, "int8")


def float32(plan):
    return latency(plan, FLOAT32, "float32")


def limited(net):
    """OpenVINO held to AVX2 (oneDNN's own switch; ONNX Runtime has none), and LiteRT as it is."""
    held = {"environment": {"ONEDNN_MAX_CPU_ISA": "AVX2"}, **F32}
    all_of = peers(net)
    litert, openvino = all_of[0], [peer for peer in all_of if peer[0] == "openvino"]
    return [litert, *((name, f"{variant}, AVX2", path, logits, {**more, **held}) for name, variant, path, logits, more in openvino)]


def avx2(plan):
    return latency(plan, INT8, "int8", "avx2", limited)


def parallel():
    """What each peer can do with two threads: (runtime, variant, batch, processes, threads, more)."""
    streams = {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": 2}
    free = {"ENABLE_CPU_PINNING": "NO"}  # two processes would be pinned to the same CPU
    return [
        ("litert", "xnnpack", 1, 2, 1, {}),
        ("litert", "xnnpack", 32, 2, 1, {}),
        ("litert", "xnnpack", 32, 1, 2, {}),
        ("openvino", "tflite", 1, 1, 2, {"requests": 8, **streams}),
        ("openvino", "onnx u8", 32, 1, 2, {"requests": 4, **streams}),
        ("openvino", "onnx u8", 1, 2, 1, free),
        ("openvino", "onnx u8", 32, 2, 1, free),
        ("onnxruntime", "onnx u8", 32, 1, 2, {}),
        ("onnxruntime", "onnx u8", 1, 2, 1, {}),
        ("onnxruntime", "onnx u8", 32, 2, 1, {}),
    ]


def together(net, check, configuration):
    """The workers of one such configuration, after its batches were checked."""
    runtime, variant, batch, processes, threads, more = configuration
    path, logits = (net.path, net.logits()) if "onnx" not in variant else (net.onnx("u8", batch), net.onnx("u8", batch, True))
    _, why = check.refusal(runtime, variant, logits, threads=threads, batch=batch, **more)
    if why:
        raise RuntimeError(f"{runtime} ({variant}, batch {batch}): {why}")
    workers = [Worker(runtime, variant, path, threads, batch, **more) for _ in range(processes)]
    requests = f", {more['requests']} requests" if "requests" in more else ""
    return Together(workers, f"{variant}, {processes} processes" if processes > 1 else f"{variant}, {threads} threads{requests}")


def throughput(plan):
    """Images per second with two threads, in batches as each runtime likes them; edgebench with one thread beside it."""
    rows = []
    for net in plan.nets(THROUGHPUT_NETS, "int8"):
        say(f"{net.name} throughput")
        check = Check(net, 32)
        ours, single = Edgebench(plan.binary, net.path, 2, 64), Edgebench(plan.binary, net.path, 1, 64)
        ours.variant, single.variant = "2 threads", "1 thread"
        candidates = [ours, single]
        for configuration in parallel():
            try:
                candidates.append(together(net, check, configuration))
            except RuntimeError as error:
                say(f"  left out: {error}")
        timed = results(candidates, interleaved(candidates, plan.rounds, plan.seconds))
        for candidate, row in zip(candidates, timed):
            row["images_per_s"] = 1e3 / row["per_image_ms"]
            candidate.close()
        rows.append({"net": net.name, "runtimes": timed})
        say("  " + ", ".join(f"{row['runtime']} {row['variant']} {row['images_per_s']:.0f}/s" for row in timed))
    return rows


def load(plan):
    """First inference of ResNet-50 from the start of the process."""
    rows = []
    for net in plan.nets(["resnet50_224"], "int8"):
        times = edgebench.first_inference_ms(plan.binary, net.path, next(net.inputs(1)), 15)
        rows.append({"net": net.name, "ms": median(times), "range": [min(times), max(times)], "mib": os.path.getsize(net.path) / 2**20})
        say(f"{net.name} first inference {rows[-1]['ms']:.1f} ms")
    return rows


SECTIONS = {"int8": int8, "float32": float32, "throughput": throughput, "avx2": avx2, "load": load}
