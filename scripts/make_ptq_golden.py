#!/usr/bin/env python3
"""Have TensorFlow quantise the test networks: models/tests/golden/ptq/*.tflite.

    pip install tensorflow-cpu==2.21.0
    cargo run -p edgebench-models --example nets -- target/nets
    python scripts/make_ptq_golden.py target/nets

Each network is calibrated on 200 samples of the same numbers as models/tests/quantise/nets.rs makes, and converted;
residual_whole.tflite has one scale for all weights of a FULLY_CONNECTED.
"""
import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "models" / "tests" / "golden" / "ptq"
SAMPLES = 200


def numbers(stream: int, shape) -> np.ndarray:
    """Numbers -1 to 1: multiplicative hashing in 32 bits."""
    at = np.arange(int(np.prod(shape)), dtype=np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    value = ((np.uint64(stream * 1_000_003) + at) & mask) * np.uint64(2_654_435_761) & mask
    value = ((value ^ (value >> np.uint64(15))) & mask) * np.uint64(2_246_822_519) & mask
    return ((value >> np.uint64(8)).astype(np.float32) / np.float32(1 << 23) - np.float32(1)).reshape(shape)


def quantise(blob: bytes, whole_dense: bool, shape) -> bytes:
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize.calibrator import Calibrator

    samples = lambda: ([numbers(1000 + s, shape)] for s in range(SAMPLES))
    calibrated = Calibrator(blob).calibrate(samples)
    return mlir_quantize(
        calibrated,
        fully_quantize=True,
        input_data_type=tf.int8,
        output_data_type=tf.int8,
        disable_per_channel_for_dense_layers=whole_dense,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", type=pathlib.Path, help="folder with the float networks")
    folder = parser.parse_args().nets
    from tensorflow.lite.python.interpreter import Interpreter

    GOLDEN.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.tflite")):
        blob = path.read_bytes()
        shape = Interpreter(model_content=blob).get_input_details()[0]["shape"]
        (GOLDEN / path.name).write_bytes(quantise(blob, False, shape))
        if path.stem == "residual":
            (GOLDEN / f"{path.stem}_whole.tflite").write_bytes(quantise(blob, True, shape))
        print(path.stem, flush=True)


if __name__ == "__main__":
    main()
