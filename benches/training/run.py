#!/usr/bin/env python3
"""Times training: edgebench's engine and PyTorch on the CPU, in turns, and writes report.json and report.md.

Makes its own virtual environment; README.md beside this file says what is timed. Without a binary that has `train`, PyTorch alone.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import torch_venv

# Architecture: bar of the ratio edgebench / PyTorch in images per second.
BARS = {"resnet8": 1.1, "mobilenetv2_035": 1.6, "resnet50": 1.3}
WORKER = os.path.join(torch_venv.HERE, "worker.py")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", default=",".join(BARS), help="(default: %(default)s)")
    parser.add_argument("--binary", default=os.path.join(torch_venv.ROOT, "target", "release", "edgebench"), help="(default: %(default)s)")
    parser.add_argument("--batch", type=int, default=128, help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--steps", type=int, default=8, help="of each turn (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--qat", action="store_true", help="quantisation-aware training too")
    parser.add_argument("--compile", action="store_true", help="PyTorch through torch.compile too; its first turn takes minutes")
    parser.add_argument("--out", default=os.path.join(torch_venv.CACHE, "out"), help="folder of the reports (default: %(default)s)")
    return parser.parse_args()


def can_train(binary):
    if not os.path.exists(binary):
        return False
    return subprocess.run([binary, "train", "--help"], capture_output=True).returncode == 0


def candidates(args):
    """Names and commands; `NET` stands for the architecture. edgebench is first."""
    common = ["--batch", str(args.batch), "--threads", str(args.threads), "--steps", str(args.steps)]
    ours, theirs = [args.binary, "train", "--benchmark", "NET", *common, "--json"], [sys.executable, WORKER, "NET", *common]
    found = {}
    if can_train(args.binary):
        found["edgebench"] = ours
    else:
        print(f"{args.binary} is not there or has no `train`: PyTorch alone", file=sys.stderr)
    found["PyTorch"] = theirs
    if args.compile:
        found["PyTorch compiled"] = [*theirs, "--compile"]
    if args.qat:
        if "edgebench" in found:
            found["edgebench QAT"] = [*ours, "--qat"]
        found["PyTorch QAT"] = [*theirs, "--qat"]
    return found


def turn(command, net):
    done = subprocess.run([net if part == "NET" else part for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ({net}) failed:\n{done.stderr}")
    return json.loads(done.stdout)


def measured(args, commands, net):
    """For each candidate the JSON of its turn in each round. The first of a round is another in each."""
    found = {name: [] for name in commands}
    for number in range(args.rounds):
        order = list(commands)
        for name in order[number % len(order):] + order[: number % len(order)]:
            found[name].append(turn(commands[name], net))
            speed = found[name][-1]["images_per_second"]["best"]
            print(f"{net}, round {number + 1}: {name} {speed:.0f} images/s", file=sys.stderr, flush=True)
    return found


def row(name, turns, ours):
    """Best step of all turns, median of the turns' median steps, median of the rounds' ratios edgebench / this (of like kind)."""
    best = [turn["images_per_second"]["best"] for turn in turns]
    line = {
        "name": name, "best": max(best), "median": statistics.median(turn["images_per_second"]["median"] for turn in turns),
        "peak_rss_bytes": max(turn["peak_rss_bytes"] for turn in turns), "imported_rss_bytes": turns[0].get("imported_rss_bytes"),
    }
    if ours is not None and ours is not turns:
        line["ratio"] = statistics.median(a["images_per_second"]["best"] / b for a, b in zip(ours, best))
    return line


def markdown(facts, rows, args):
    lines = [
        f"{facts['cpu']}, {facts['cpu_capability']}, {facts['cpus']} CPUs; torch {facts['torch']}; {facts['date']}, checkout {facts['checkout']}; "
        f"batch {args.batch}, {args.threads} threads, {args.rounds} rounds of {args.steps} steps", "",
        "| network | engine | images/s, best step | median step | peak memory MB | edgebench / this | bar |", "|---|---|---:|---:|---:|---:|---:|",
    ]
    for net, candidates in rows.items():
        for line in candidates:
            ratio = f"{line['ratio']:.2f}" if "ratio" in line else "–"
            bar = f"≥ {BARS[net]}" if line["name"] == "PyTorch" and net in BARS else ""
            memory = f"{line['peak_rss_bytes'] / 1e6:.0f}"
            if line["imported_rss_bytes"]:
                memory += f" ({line['imported_rss_bytes'] / 1e6:.0f} of it the import)"
            lines.append(f"| {net} | {line['name']} | {line['best']:.0f} | {line['median']:.0f} | {memory} | {ratio} | {bar} |")
    return "\n".join(lines) + "\n"


def main():
    args = options()
    torch_venv.enter()
    commands, facts, rows, turns = candidates(args), torch_venv.facts(), {}, {}
    for net in args.nets.split(","):
        turns[net] = measured(args, commands, net)
        peers = lambda name: turns[net].get("edgebench QAT" if name == "PyTorch QAT" else "edgebench")
        rows[net] = [row(name, found, peers(name)) for name, found in turns[net].items()]
    os.makedirs(args.out, exist_ok=True)
    result = {"schema": "edgebench.train-peers/1", "machine": facts, "networks": rows, "turns": turns}
    with open(os.path.join(args.out, "report.json"), "w") as file:
        json.dump(result, file, indent=1)
    text = markdown(facts, rows, args)
    with open(os.path.join(args.out, "report.md"), "w") as file:
        file.write(text)
    print(text)


if __name__ == "__main__":
    main()
