#!/usr/bin/env python3
"""Take what sweeps have made into models/zoo/cifar10, and write its MODELS.toml from their figures.

    edgebench sweep models/zoo/cifar10-recipes.toml -o target/zoo/cifar10-recipes
    python3 scripts/record_zoo.py target/zoo/cifar10-recipes [MORE…] [--date 2026-11-27] [--machine "…"]

Int8 models are copied there; of float ones the record has the figures and the hash, and the command makes them again. Networks that
no folder speaks of keep their part of the record. Nothing is trained or measured here.
"""

import argparse
import hashlib
import json
import pathlib
import re
import shutil
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
ZOO = ROOT / "models" / "zoo" / "cifar10"
HEAD = """\
# ResNet-8 and MobileNetV2-0.35 of the study on CIFAR-10, trained here. Written by scripts/record_zoo.py from the sweep's study.json.
# test_correct: of the 10,000 test images, which chose nothing. mce: of 15 corruptions × 5 severities, in per cent of the network's own
# float errors (SPEC D); zip6: bytes of `zip -6`; flash and ram: bytes of constants and arena, as `edgebench inspect`
# has them. Models without `file` are made again by the command.

[recipe]
bases = "edgebench sweep models/zoo/cifar10.toml -o target/zoo/cifar10"
command = "edgebench sweep models/zoo/cifar10-recipes.toml -o target/zoo/cifar10-recipes"
evaluated = "edgebench eval FILE --data cifar-10-batches-bin"
data = "CIFAR-10 from JPEG images; 45,000 to train on, 5,000 to choose the epoch"
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=pathlib.Path, nargs="+", help="folders of finished sweeps")
    parser.add_argument("--date", required=True)
    parser.add_argument("--machine", required=True)
    return parser.parse_args()


def short(network):
    return re.sub("_float$", "", network)


def written(value):
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def base(rows, model, recorded):
    """Bytes of the float model that the sweep read: what it wrote has the same weights under other names, so they must answer alike."""
    data = (ZOO / rows["file"]).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    known = [old for old in recorded if old.get("sha256") == digest]
    hits = model["clean"]["hits"]
    if not known or known[0]["test_correct"] != hits:
        found = known[0]["test_correct"] if known else "no entry with its hash"
        raise SystemExit(f"{rows['file']}: MODELS.toml has {found}, but the network that the sweep started from has {hits} correct answers")
    return data, digest


def entry(model, folder, recorded, args):
    """One [[model]]; copies its file if it belongs to the repository."""
    name, recipe = short(model["network"]), model["recipe"]
    source = folder / "models" / pathlib.Path(model["file"]).name
    data = source.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != model["sha256"]:
        raise SystemExit(f"{source}: SHA-256 {digest}, but study.json says {model['sha256']}: run the sweep again")
    rows = {"network": name, "recipe": recipe}
    if recipe == "original":
        rows["file"] = f"{name}_float.tflite"
        data, digest = base(rows, model, recorded)
    elif "int8" in recipe:
        rows["file"] = f"{name}_{recipe}.tflite"
        shutil.copyfile(source, ZOO / rows["file"])
    rows |= {"technique": model["code"], "seed": model["seed"], "sha256": digest, "bytes": len(data)}
    size = model["size"]
    rows |= {"zip6": size["zip6"], "flash": size.get("flash"), "ram": size.get("ram")}
    rows |= {"test_images": model["clean"]["n"], "test_correct": model["clean"]["hits"]}
    rows |= {"mce": float(model["mce"]["value"]), "date": args.date, "machine": args.machine}
    return rows


def main():
    args = arguments()
    record = ZOO / "MODELS.toml"
    recorded = tomllib.loads(record.read_text())["model"]
    rows = []
    for folder in args.folders:
        study = json.loads((folder / "study.json").read_text())
        rows += [entry(model, folder, recorded, args) for model in study["models"]]
    parts = [HEAD]
    spoken = {row["network"] for row in rows}
    for part in record.read_text().split("[[model]]\n")[1:]:
        network = re.search(r'^network = "(.*)"$', part, re.M)
        name = network[1] if network else re.search(r'^file = "(.*?)_(?:float|[a-z-]*int8)\.tflite"$', part, re.M)[1]
        if name not in spoken:
            parts.append("[[model]]\n" + part.strip() + "\n")
    for row in rows:
        lines = [f"{key} = {written(value)}\n" for key, value in row.items() if value is not None]
        parts.append("[[model]]\n" + "".join(lines))
    partial = record.with_suffix(".partial")
    partial.write_text("\n".join(parts))
    partial.replace(record)
    print(f"{record.relative_to(ROOT)}: {len(rows)} models of {', '.join(sorted(spoken))}")


if __name__ == "__main__":
    main()
