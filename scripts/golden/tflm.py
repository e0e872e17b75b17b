"""Runs models in TensorFlow Lite Micro (package tflite-micro), each in a forked process: its checks end the process."""

import os
import pickle

from tflite_micro.python.tflite_micro import runtime


def run(content, arrays):
    """The outputs, or None if TFLM does not run the model: it aborts where others refuse."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        with os.fdopen(send, "wb") as pipe:
            pickle.dump(outputs(content, arrays), pipe)
            pipe.flush()
            os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        found = pipe.read()
    status = os.waitpid(child, 0)[1]
    return pickle.loads(found) if status == 0 and found else None


def outputs(content, arrays):
    try:
        interpreter = runtime.Interpreter.from_bytes(content, arena_size=4 << 20)
        for i, array in enumerate(arrays):
            interpreter.set_input(array, i)
        interpreter.invoke()
    except Exception:  # whatever it is, TFLM has refused the model
        os._exit(1)
    found = []
    while True:
        try:
            found.append(interpreter.get_output(len(found)))
        except Exception:
            return found
