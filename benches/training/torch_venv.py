"""The virtual environment with the pinned PyTorch, CPU half only, and what reports say about the machine. Standard library only."""

import datetime
import glob
import hashlib
import os
import platform
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
REQUIREMENTS = os.path.join(HERE, "requirements.txt")
CACHE = os.path.join(ROOT, "target", "train-peers")


def wanted():
    """What decides whether an environment is up to date: the pins, how the CUDA libraries are replaced, and this Python."""
    digest = hashlib.sha256(sys.version.encode())
    for path in (REQUIREMENTS, os.path.join(HERE, "cuda_stubs.py")):
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def make(folder):
    """A new environment: the pinned packages without their dependencies (all that is needed is listed), then the stand-ins."""
    python = os.path.join(folder, "bin", "python")
    print(f"making {os.path.relpath(folder)} with PyTorch for the CPU: a download of 0.6 GB, 1.4 GB on disk", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "-r", REQUIREMENTS], check=True)
    for library in glob.glob(os.path.join(folder, "lib", "python*", "site-packages", "torch", "lib", "libtorch_cuda.so")):
        import cuda_stubs

        cuda_stubs.install(os.path.dirname(library))
    subprocess.run([python, "-c", "import torch; torch.ones(2, 2) @ torch.ones(2, 2)"], check=True)


def enter(cache=CACHE):
    """Makes the environment in `cache` if it is missing or out of date, and goes on inside it. Returns when already there."""
    folder = os.path.join(os.path.abspath(cache), "venv")
    if os.path.realpath(sys.prefix) == os.path.realpath(folder):
        return
    stamp, now = os.path.join(folder, "stamp.sha256"), wanted()
    if not os.path.exists(stamp) or open(stamp).read() != now:
        make(folder)
        with open(stamp, "w") as file:
            file.write(now)
    python = os.path.join(folder, "bin", "python")
    os.execve(python, [python, *sys.argv], {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


def facts():
    """Machine, date and versions."""
    import torch

    sys.path.append(os.path.join(HERE, "..", "peers"))
    from environment import cpu_facts

    name, flags = cpu_facts()
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return {
        "cpu": name,
        "flags": flags,
        "cpus": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "date": datetime.date.today().isoformat(),
        "checkout": commit or "unknown",
        "torch": torch.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "load_average": os.getloadavg()[0],
    }


if __name__ == "__main__":
    enter()
    import torch

    print(f"{os.path.relpath(sys.prefix)}: PyTorch {torch.__version__}")
