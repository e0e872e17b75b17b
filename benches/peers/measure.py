"""Candidates timed side by side in rounds, and the check that a peer computes the same network."""

import statistics
import sys

import numpy as np

from worker import Worker


def say(text):
    print(text, file=sys.stderr, flush=True)


def median(values):
    return statistics.median(values)


class Together:
    """Workers that run at the same time: throughput by processes."""

    def __init__(self, workers, variant):
        self.workers, self.variant = workers, variant
        self.name, self.note, self.batch = workers[0].name, workers[0].note, workers[0].batch

    def slice(self, seconds):
        """Milliseconds in which all of them together do as many images as are in one run of one."""
        for worker in self.workers:
            worker.send(do="slice", seconds=seconds)
        return 1 / sum(1 / worker.receive()["ms"] for worker in self.workers)

    def close(self):
        for worker in self.workers:
            worker.close()


def interleaved(candidates, rounds, seconds):
    """Milliseconds of each candidate in each round: a list for each. The first round's start moves on by one each round."""
    for candidate in candidates:  # warm caches, page tables and clock
        candidate.slice(seconds / 4)
    found = [[0.0] * rounds for _ in candidates]
    for number in range(rounds):
        for step in range(len(candidates)):
            which = (step + number) % len(candidates)
            found[which][number] = candidates[which].slice(seconds)
    return found


def results(candidates, found):
    """For each candidate its medians: `per_image_ms`, and `ratio` = first candidate's time by its, both in the same round."""
    per_image = [[ms / candidate.batch for ms in times] for candidate, times in zip(candidates, found)]
    rows = []
    for candidate, times in zip(candidates, per_image):
        ratios = [ours / theirs for ours, theirs in zip(per_image[0], times)]
        rows.append({
            "runtime": candidate.name, "variant": candidate.variant, "batch": candidate.batch, "note": candidate.note,
            "per_image_ms": median(times), "ratio": median(ratios), "ratio_range": [min(ratios), max(ratios)],
        })
    return rows


class Check:
    """Compares logits with LiteRT's. How far LiteRT's own two kernel sets are apart is the measure of what is allowed."""

    def __init__(self, net, count=4):
        self.inputs = list(net.inputs(count))
        self.reference = self.of("litert", "xnnpack", net.logits())
        builtin = self.of("litert", "builtin", net.logits())
        apart = self.distance(builtin)
        self.allowed = max(3.0, 2 * apart) if net.kind == "int8" else max(1e-3 * np.abs(self.reference).max(), 4 * apart)

    def of(self, runtime, variant, path, threads=1, batch=1, **more):
        worker = Worker(runtime, variant, path, threads, batch, **more)
        batches = [np.concatenate(self.inputs[i : i + batch]) for i in range(0, len(self.inputs), batch)]
        try:
            return np.concatenate([worker.infer(x) for x in batches])
        finally:
            worker.close()

    def distance(self, y):
        return float(np.abs(np.subtract(y, self.reference, dtype=np.float64)).max())

    def refusal(self, runtime, variant, path, **options):
        """The largest difference and, if it is too large, why the peer cannot be reported (else None)."""
        y = self.of(runtime, variant, path, **options)
        difference = self.distance(y)
        if difference <= self.allowed:
            return difference, None
        return difference, f"logits differ by up to {difference:.3g} from LiteRT's, allowed are {self.allowed:.3g}"
