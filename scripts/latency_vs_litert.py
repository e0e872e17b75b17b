#!/usr/bin/env python3
"""Single-thread latency of edgebench against LiteRT's default path (XNNPACK), interleaved in one run.

Needs: pip install ai-edge-litert==2.3.0 numpy
Usage: python scripts/latency_vs_litert.py [--binary target/release/edgebench] [--rounds 7] [--seconds 0.5] MODEL.tflite ...

Each round times one after the other, so that a change of the machine's speed meets both. Printed are the medians over rounds of
each round's median, and the median of the rounds' ratios (edgebench / LiteRT: below 1 is faster).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def litert_ms(interpreter, seconds):
    """Median milliseconds of one invocation."""
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def edgebench_ms(binary, model, seconds):
    """Median milliseconds of one inference, as `edgebench bench` measures it."""
    command = [binary, "bench", model, "--threads", "1", "--batch", "1", "--seconds", str(seconds), "--profile=none", "--json", "--quiet"]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{run.stderr}")
    return json.loads(run.stdout)["runs"][0]["ms_median"]


def interpreter(model):
    it = Interpreter(model, num_threads=1)
    it.allocate_tensors()
    rng = np.random.default_rng(1)
    for detail in it.get_input_details():
        shape, dtype = detail["shape"], detail["dtype"]
        if dtype == np.float32:
            value = rng.uniform(-1, 1, shape).astype(np.float32)
        else:
            info = np.iinfo(dtype)
            value = rng.integers(info.min, info.max + 1, shape).astype(dtype)
        it.set_tensor(detail["index"], value)
    return it


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--binary", default="target/release/edgebench")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--max-ratio", type=float, help="exit with 1 if a ratio is above this")
    args = parser.parse_args()
    worst = 0.0
    print(f"{'model':44} {'LiteRT ms':>10} {'edgebench ms':>13} {'ratio':>7}  (min..max of {args.rounds} rounds)")
    for model in args.models:
        it = interpreter(model)
        litert_ms(it, 0.2)
        peer, ours = [], []
        for _ in range(args.rounds):
            peer.append(litert_ms(it, args.seconds))
            ours.append(edgebench_ms(args.binary, model, args.seconds))
        ratios = [a / b for a, b in zip(ours, peer)]
        ratio = statistics.median(ratios)
        worst = max(worst, ratio)
        name = os.path.basename(model)
        print(f"{name:44} {statistics.median(peer):10.4f} {statistics.median(ours):13.4f} {ratio:7.2f}  ({min(ratios):.2f}..{max(ratios):.2f})", flush=True)
    if args.max_ratio and worst > args.max_ratio:
        sys.exit(f"the largest ratio {worst:.2f} is above {args.max_ratio}")


if __name__ == "__main__":
    main()
