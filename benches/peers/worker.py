"""One runtime with one network in a process of its own, which answers requests over a pipe, one JSON object a line.

As a program: `python worker.py`. From outside: `Worker`.
"""

import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np


class Worker:
    """A running worker. Errors of the runtime become `RuntimeError`."""

    def __init__(self, runtime, variant, path, threads=1, batch=1, environment=None, **more):
        self.name, self.variant, self.batch = runtime, variant, batch * more.get("requests", 1)
        command = [sys.executable, os.path.abspath(__file__)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
        request = dict(do="load", runtime=runtime, variant=variant, path=path, threads=threads, batch=batch, more=more)
        self.note = self.ask(**request)["note"]

    def ask(self, **request):
        self.send(**request)
        return self.receive()

    def send(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ({self.variant}) ended with code {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{self.name} ({self.variant}): {answer['error']}")
        return answer

    def infer(self, x):
        """The output for one input, int8 codes for quantised networks."""
        answer = self.ask(do="infer", shape=x.shape, dtype=str(x.dtype), data=x.tobytes().hex())
        return np.frombuffer(bytes.fromhex(answer["data"]), answer["dtype"]).reshape(answer["shape"])

    def slice(self, seconds):
        """Median milliseconds of one run, over at least five and this time."""
        return self.ask(do="slice", seconds=seconds)["ms"]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def time_slice(run, seconds):
    times, clock = [], time.perf_counter_ns
    end = clock() + int(seconds * 1e9)
    while True:
        start = clock()
        run()
        stop = clock()
        times.append(stop - start)
        if stop >= end and len(times) >= 5:
            return {"ms": statistics.median(times) / 1e6, "runs": len(times)}


def answer(state, request):
    if request["do"] == "load":
        from runtimes import KINDS

        arguments = (request[key] for key in ("path", "variant", "threads", "batch"))
        state["runtime"] = KINDS[request["runtime"]](*arguments, **request["more"])
        return {"note": getattr(state["runtime"], "note", None)}
    runtime = state["runtime"]
    if request["do"] == "infer":
        x = np.frombuffer(bytes.fromhex(request["data"]), request["dtype"]).reshape(request["shape"])
        runtime.fill(x)
        runtime.run()
        y = runtime.result()
        return {"data": y.tobytes().hex(), "dtype": str(y.dtype), "shape": y.shape}
    if request["do"] == "slice":
        return time_slice(runtime.run, request["seconds"])
    raise ValueError(f"unknown request {request['do']}")


def main():
    # What the libraries print must not get into the pipe.
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    state = {}
    for line in sys.stdin:
        try:
            result = answer(state, json.loads(line))
        except Exception as error:  # every failure is the asker's to report
            result = {"error": f"{type(error).__name__}: {error}"}
        pipe.write(json.dumps(result) + "\n")
        pipe.flush()


if __name__ == "__main__":
    main()
