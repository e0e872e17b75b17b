#!/usr/bin/env python3
"""Times edgebench and its peers (LiteRT, OpenVINO, ONNX Runtime) interleaved, and writes report.json and report.md.

Makes its own virtual environment with the pinned packages of requirements.txt. README.md beside this file says what is timed.
"""

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import environment

SECTIONS = ["int8", "float32", "throughput", "avx2", "load"]


def default_models():
    root = os.environ.get("EDGEBENCH_MODELS", os.path.join(environment.HERE, "..", "..", "..", "shared", "models"))
    return os.path.normpath(os.path.join(root, "made"))


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", default=",".join(SECTIONS), help="some of %(default)s")
    parser.add_argument("--nets", default="", help="names separated by commas, e.g. resnet8,mbv2_224 (default: all)")
    parser.add_argument("--models", default=default_models(), help="folder of the networks (default: made in $EDGEBENCH_MODELS or ../shared/models)")
    parser.add_argument("--binary", default=os.path.join("target", "release", "edgebench"), help="(default: %(default)s)")
    parser.add_argument("--cache", default=os.path.join("target", "peers"), help="for the environment and derived networks (default: %(default)s)")
    parser.add_argument("--out", help="folder of the reports (default: out in the cache)")
    parser.add_argument("--rounds", type=int, default=9, help="at least 7 for figures worth keeping (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.2, help="of each slice (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=1, help="whole runs, of which medians are given (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a smoke run of about a minute: small networks, few rounds")
    args = parser.parse_args()
    args.sections = args.sections.split(",")
    unknown = [name for name in args.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"unknown sections {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if not os.path.exists(args.binary):
        parser.error(f"{args.binary} does not exist; build it with cargo build --release, or name it with --binary")
    if not os.path.isdir(args.models):
        parser.error(f"{args.models} is not a folder; name the networks' folder with --models or EDGEBENCH_MODELS")
    args.nets = [name for name in args.nets.split(",") if name]
    if args.quick:
        args.rounds, args.seconds, args.repeat = 3, 0.05, 1
        args.nets = args.nets or ["resnet8", "mbv2_035_32"]
    args.out = args.out or os.path.join(args.cache, "out")
    return args


def main():
    args = options()
    environment.enter(args.cache)
    import report
    from measure import say
    from sections import SECTIONS as FUNCTIONS, Plan

    plan = Plan(args)
    facts = environment.facts(args.binary)
    runs = []
    for number in range(args.repeat):
        say(f"run {number + 1} of {args.repeat}")
        runs.append({name: FUNCTIONS[name](plan) for name in args.sections})
    result = {
        "schema": "edgebench.peers/1",
        "machine": facts,
        "options": {key: getattr(args, key) for key in ("rounds", "seconds", "repeat", "quick", "nets")},
        "sections": report.merged(runs),
    }
    result["bars"] = report.bars(result["sections"])
    result["runs"] = runs
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, "report.json"), "w") as file:
        json.dump(result, file, indent=1)
    text = report.markdown(result)
    with open(os.path.join(args.out, "report.md"), "w") as file:
        file.write(text)
    print(text)


if __name__ == "__main__":
    main()
