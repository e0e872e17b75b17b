"""edgebench itself, measured by its own `bench` command: one process for each slice, loading and packing not counted."""

import json
import os
import statistics
import subprocess
import tempfile
import time

import numpy as np


class Edgebench:
    """A candidate like `worker.Worker`, whose slices are processes. `last` keeps what the last slice said besides the time."""

    def __init__(self, binary, path, threads=1, batch=1, isa=None):
        self.command = [binary, "bench", path, "--threads", str(threads), "--batch", str(batch), "--profile=none", "--json", "--quiet"]
        if isa:
            self.command += ["--isa", isa]
        self.name, self.variant, self.batch, self.note, self.slices = "edgebench", isa or "", batch, None, []

    def slice(self, seconds):
        """Median milliseconds of one run."""
        process = subprocess.run([*self.command, "--seconds", str(seconds)], capture_output=True, text=True)
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(self.command)} failed: {process.stderr.strip()}")
        run = json.loads(process.stdout)["runs"][0]
        self.slices.append(run)
        return run["ms_median"]

    def median(self, field):
        return statistics.median(run[field] for run in self.slices)

    def close(self):
        pass


def outputs(binary, path, inputs, isa=None):
    """What edgebench computes for a list of images."""
    with tempfile.TemporaryDirectory() as folder:
        x, y = (os.path.join(folder, name) for name in ("x.npy", "y.npy"))
        np.save(x, np.concatenate(inputs))
        command = [binary, "run", path, "--input", x, "--output", y, "--quiet", *(["--isa", isa] if isa else [])]
        subprocess.run(command, check=True, capture_output=True)
        return np.load(y)


def first_inference_ms(binary, path, image, times):
    """Milliseconds of `edgebench run` with one image, from the start of the process to its end."""
    with tempfile.TemporaryDirectory() as folder:
        x, y = (os.path.join(folder, name) for name in ("x.npy", "y.npy"))
        np.save(x, image)
        command = [binary, "run", path, "--input", x, "--output", y, "--threads", "1", "--batch", "1", "--quiet"]
        found = []
        for _ in range(times):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            found.append(1e3 * (time.perf_counter() - start))
        return found
