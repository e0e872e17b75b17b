#!/usr/bin/env python3
"""Times PyTorch's training steps in this process and prints JSON with the fields of `edgebench train --benchmark … --json`.

    python3 benches/training/worker.py resnet8 --batch 128 --threads 2 --steps 10

A step: forward, mean cross-entropy, backward, SGD (momentum 0.9, Nesterov, weight decay) over one synthetic batch that stays the same.
PyTorch at its best that is not a compiler: float32, channels last, fused SGD, even padding (`symmetric` in layers.py).
"""

import argparse
import json
import os
import resource
import sys
import time

import torch_venv


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architecture")
    parser.add_argument("--batch", type=int, default=128, help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--steps", type=int, default=10, help="timed steps, after two that are not (default: %(default)s)")
    parser.add_argument("--qat", action="store_true", help="with the fake quantisation of torch.ao, batch normalisation folded")
    parser.add_argument("--compile", action="store_true", help="through torch.compile, which needs a C++ compiler")
    return parser.parse_args()


def peak_rss():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    args = options()
    torch_venv.enter()
    os.environ.setdefault("OMP_NUM_THREADS", str(args.threads))
    import torch
    import torch.nn.functional as F

    from nets import build

    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    imported = peak_rss()
    net = build(args.architecture, symmetric=True).initialise(1)
    if args.qat:
        import qat

        net = qat.prepare(net)
    net = net.to(memory_format=torch.channels_last).train()
    x = torch.randn(args.batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (args.batch,))
    optimiser = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=True)
    forward, seconds = torch.compile(net) if args.compile else net, []
    for _ in range(args.steps + 2):
        start = time.perf_counter()
        optimiser.zero_grad()
        loss = F.cross_entropy(forward(x), labels)
        loss.backward()
        optimiser.step()
        seconds.append(time.perf_counter() - start)
    timed = sorted(seconds[2:])
    json.dump({
        "engine": f"PyTorch {torch.__version__}",
        "architecture": args.architecture,
        "batch": args.batch,
        "threads": args.threads,
        "steps": args.steps,
        "qat": args.qat,
        "images_per_second": {"best": args.batch / timed[0], "median": args.batch / timed[len(timed) // 2]},
        "peak_rss_bytes": peak_rss(),
        "imported_rss_bytes": imported,
        "loss": loss.item(),
    }, sys.stdout)
    print()


if __name__ == "__main__":
    main()
