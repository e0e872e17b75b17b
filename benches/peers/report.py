"""The report: medians of repeated runs, bars, Markdown."""

import math
import statistics

NAMES = {"edgebench": "edgebench", "litert xnnpack": "LiteRT XNNPACK", "litert builtin": "LiteRT built-in", "openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}
SHARES = {"resnet8": 0.55, "resnet50_224": 0.75, "vgg19_224": 0.90}
FLOAT_BARS = {"resnet8": 1.0, "resnet20": 1.0, "mbv2_035_32": 1.0, "mbv2_224": 1.0, "resnet50_224": 1.15, "vgg19_224": 1.15}


def merged(runs):
    """The same structure as each of the runs with every number replaced by the median over the runs.

    Lists of networks and runtimes are matched by what they describe: a peer may have been refused in one run and not in another."""
    first = runs[0]
    if isinstance(first, bool) or first is None or isinstance(first, str):
        return first
    if isinstance(first, (int, float)):
        return statistics.median(runs)
    if isinstance(first, dict):
        return {key: merged([run[key] for run in runs if key in run]) for key in first}
    if first and isinstance(first[0], dict):
        identity = lambda item: tuple(item.get(key) for key in ("net", "kind", "runtime", "variant", "batch"))
        others = [{identity(item): item for item in run} for run in runs]
        return [merged([known[identity(item)] for known in others if identity(item) in known]) for item in first]
    return [merged(list(items)) for items in zip(*runs)]


def ours(row):
    return row["runtimes"][0]


def rivals(row):
    return [item for item in row["runtimes"] if item["runtime"] != "edgebench"]


def best(row):
    """The fastest configuration of any peer."""
    return min(rivals(row), key=lambda item: item["per_image_ms"])


def columns(row):
    """The fastest configuration of each runtime, LiteRT's two kernel sets apart."""
    found = {}
    for item in row["runtimes"]:
        key = f"litert {item['variant']}" if item["runtime"] == "litert" else item["runtime"]
        if key not in found or item["per_image_ms"] < found[key]["per_image_ms"]:
            found[key] = item
    return found


def bar(what, value, limit, at_most=True, form="{:.3f}"):
    passed = value <= limit if at_most else value >= limit
    return {"what": what, "value": value, "limit": limit, "passed": passed,
            "text": f"{form.format(value)} {'≤' if at_most else '≥'} {form.format(limit)}"}


def bars(sections):
    """Every bar for which there are figures."""
    found = []
    rows = [row for row in sections.get("int8", []) if rivals(row)]
    for row in rows:
        found.append(bar(f"int8 {row['net']}: time / best peer's ({label(best(row))})", best(row)["ratio"], 0.95))
    if rows:
        mean = math.exp(statistics.fmean(math.log(best(row)["ratio"]) for row in rows))
        found.append(bar(f"int8: geometric mean over {len(rows)} networks", mean, 0.75))
    for row in sections.get("int8", []):
        if row["net"] in SHARES:
            found.append(bar(f"int8 {row['net']}: share of the peak", row["peak_share"], SHARES[row["net"]], False))
    for row in sections.get("throughput", []):
        by_variant = {item["variant"]: item for item in row["runtimes"] if item["runtime"] == "edgebench"}
        found.append(bar(f"2 threads {row['net']}: images/s over best peer's ({label(best(row))})", 1 / best(row)["ratio"], 1.3, False))
        found.append(bar(f"2 threads {row['net']}: images/s over 1 thread's", 1 / by_variant["1 thread"]["ratio"], 1.9, False))
    for row in sections.get("float32", []):
        if rivals(row):
            found.append(bar(f"float32 {row['net']}: time / best peer's ({label(best(row))})", best(row)["ratio"], FLOAT_BARS[row["net"]]))
    for row in sections.get("avx2", []):
        litert = columns(row).get("litert xnnpack")
        if row["net"] == "resnet8" and litert:
            found.append(bar("avx2 resnet8: time / LiteRT's with all it has", litert["ratio"], 3.0))
    for row in sections.get("load", []):
        found.append(bar(f"first inference of {row['net']} after start, ms", row["ms"], 60.0, form="{:.1f}"))
    return found


def label(item):
    """A configuration in words."""
    return f"{NAMES.get(item['runtime'], 'LiteRT')} {item['variant'].replace('xnnpack', 'XNNPACK')}".strip()


def milliseconds(value):
    return f"{value:.4f}" if value < 1 else f"{value:.3f}" if value < 10 else f"{value:.2f}"


def table(head, lines):
    form = lambda cells: "| " + " | ".join(cells) + " |"
    return "\n".join([form(head), form(["---"] * len(head)), *map(form, lines)])


def latency_table(rows):
    keys = [key for key in NAMES if any(key in columns(row) for row in rows)]
    head = ["net (MMAC)", *(NAMES[key] for key in keys), "best peer", "ratio to it (rounds)", "GMAC/s", "peak", "share of peak"]
    lines = []
    for row in rows:
        fields = columns(row)
        cells = [milliseconds(fields[key]["per_image_ms"]) if key in fields else "–" for key in keys]
        if rivals(row):
            item = best(row)
            low, high = item["ratio_range"]
            cells += [label(item), f"**{item['ratio']:.3f}** ({low:.2f}–{high:.2f})"]
        else:
            cells += ["none", "–"]
        speed = row["mmacs"] / ours(row)["per_image_ms"]
        lines.append([f"{row['net']} ({row['mmacs']:.1f})", *cells, f"{speed:.0f}", f"{row['peak_gmacs']:.0f}", f"{100 * row['peak_share']:.1f} %"])
    return table(head, lines)


def configuration_table(rows):
    """All that was timed, with how far its logits are from LiteRT's."""
    lines = []
    for row in rows:
        for item in row["runtimes"]:
            how = "; ".join(f"{kind}: " + ", ".join(f"{n:g} × {what}" for what, n in kinds.items()) for kind, kinds in (item["note"] or {}).items())
            lines.append([row["net"], label(item), milliseconds(item["per_image_ms"]), f"{item['ratio']:.3f}", f"{item['difference']:.3g}", how])
        for item in row["refused"]:
            lines.append([row["net"], label(item), "refused", "–", "–", item["why"]])
    return table(["net", "configuration", "ms", "edgebench / it", "logits differ by", "how it runs"], lines)


def throughput_table(rows):
    lines = [[row["net"], label(item), f"{item['batch']}", f"{item['images_per_s']:.0f}", f"{1 / item['ratio']:.2f}"]
             for row in rows for item in row["runtimes"]]
    return table(["net", "configuration", "images a run", "images/s", "edgebench / it"], lines)


TITLES = {
    "int8": "int8, one image, one thread (ms)", "float32": "float32, one image, one thread (ms)",
    "avx2": "edgebench with AVX2 only, OpenVINO held to AVX2, LiteRT with all it has (ms)",
    "throughput": "int8, two threads, images per second", "load": "First inference after start",
}


def markdown(report):
    facts, options = report["machine"], report["options"]
    parts = [
        "# edgebench and its peers", "",
        f"{facts['cpu']} ({', '.join(facts['flags'])}), {facts['cpus']} CPUs, {facts['system']}, {facts['date']}; {facts['edgebench']}; "
        + ", ".join(f"{name} {version}" for name, version in facts["packages"].items() if name in ("ai-edge-litert", "openvino", "onnxruntime")) + ".", "",
        f"Medians of {options['repeat']} run(s) of {options['rounds']} rounds; in a round each runtime in turn for {options['seconds']} s or 5 inferences. "
        "A ratio is edgebench's time by the peer's of the same round: below 1 edgebench is faster. The peak is what edgebench's "
        "instruction set does on registers alone, measured beside each of its slices.", "",
    ]
    if options["quick"]:
        parts += ["**A quick run: figures of it prove nothing.**", ""]
    for name, rows in report["sections"].items():
        parts += [f"## {TITLES[name]}", ""]
        if name in ("int8", "float32", "avx2"):
            parts += [latency_table(rows), "", "All configurations:", "", configuration_table(rows), ""]
        elif name == "throughput":
            parts += [throughput_table(rows), ""]
        else:
            parts += [f"{row['net']} ({row['mib']:.1f} MiB): {row['ms']:.1f} ms ({row['range'][0]:.1f}–{row['range'][1]:.1f})" for row in rows] + [""]
    if report["bars"]:
        parts += ["## Bars", "", table(["bar", "figure", ""], [[b["what"], b["text"], "pass" if b["passed"] else "**FAIL**"] for b in report["bars"]]), ""]
    return "\n".join(parts)
