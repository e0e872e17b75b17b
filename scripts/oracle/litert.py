"""LiteRT as the oracle, one sample at a time, its outputs kept on disk."""

import platform

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

RESOLVERS = {"litert": OpResolverType.AUTO, "litert-arm64": OpResolverType.AUTO, "reference": OpResolverType.BUILTIN_REF}


def interpreter(path, resolver=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES):
    return Interpreter(model_path=str(path), num_threads=1, experimental_op_resolver_type=resolver)


def input_details(path):
    """Inputs in the model's order; needs no allocation, so it also works where preparing fails."""
    return interpreter(path).get_input_details()


def is_exact(path):
    """Whether every output is an integer or comes out of a DEQUANTIZE."""
    it = interpreter(path)
    makers = {int(o): op["op_name"] for op in it._get_ops_details() for o in op["outputs"]}
    return all(d["dtype"] != np.float32 or makers.get(d["index"]) == "DEQUANTIZE" for d in it.get_output_details())


class Oracle:
    """Runs LiteRT, or remembers what it gave. Outputs of a longer run serve a shorter one."""

    def __init__(self, cache):
        self.cache = cache
        cache.mkdir(parents=True, exist_ok=True)

    def outputs(self, path, key, arithmetic, samples):
        """Outputs per sample, or the text of LiteRT's refusal."""
        file = self.cache / f"{key}-{arithmetic}.npz"
        kept = load(file)
        if len(kept) < len(samples):
            try:
                kept += self.run(path, arithmetic, samples[len(kept) :])
            except (RuntimeError, ValueError) as error:
                return str(error).strip().splitlines()[0]
            store(file, kept)
        return kept[: len(samples)]

    @staticmethod
    def run(path, arithmetic, samples):
        here = "litert-arm64" if platform.machine() in ("aarch64", "arm64") else "litert"
        if arithmetic.startswith("litert") and arithmetic != here:
            raise RuntimeError(f"gives {here} on this machine, no {arithmetic} (see --oracle-only)")
        it = interpreter(path, RESOLVERS[arithmetic])
        it.allocate_tensors()
        ins, outs = it.get_input_details(), it.get_output_details()
        found = []
        for sample in samples:
            for detail, (_, value) in zip(ins, sample):
                it.set_tensor(detail["index"], value)
            it.invoke()
            found.append([it.get_tensor(d["index"]).copy() for d in outs])
        return found


def load(file):
    if not file.exists():
        return []
    with np.load(file) as stored:
        columns = [stored[f"y{i}"] for i in range(len(stored.files))]
    return [list(row) for row in zip(*columns)]


def store(file, rows):
    np.savez_compressed(file, **{f"y{i}": np.stack(column) for i, column in enumerate(zip(*rows))})
