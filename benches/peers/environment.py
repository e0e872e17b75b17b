"""The virtual environment with the pinned peers, and what the report says about the machine. Standard library only."""

import datetime
import hashlib
import os
import platform
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
REQUIREMENTS = os.path.join(HERE, "requirements.txt")
MARK = "EDGEBENCH_PEERS_VENV"


def enter(cache):
    """Makes the environment in `cache` if its requirements changed, and goes on inside it. Returns when already there."""
    with open(REQUIREMENTS, "rb") as file:
        wanted = hashlib.sha256(file.read() + sys.version.encode()).hexdigest()
    folder = os.path.join(os.path.abspath(cache), "venv")
    if os.environ.get(MARK) == wanted:
        return
    python, stamp = os.path.join(folder, "bin", "python"), os.path.join(folder, "requirements.sha256")
    if not os.path.exists(stamp) or open(stamp).read() != wanted:
        print(f"making {os.path.relpath(folder)} with the packages of requirements.txt", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS], check=True)
        with open(stamp, "w") as file:
            file.write(wanted)
    os.execve(python, [python, *sys.argv], {**os.environ, MARK: wanted, "PYTHONDONTWRITEBYTECODE": "1"})


def cpu_facts():
    """Name and the flags that matter here, from the kernel where it tells them."""
    name, flags = platform.processor() or platform.machine(), []
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() == "model name":
                    name = value.strip()
                if key.strip() == "flags":
                    wanted = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8")
                    flags = [flag for flag in wanted if flag in value.split()]
    except OSError:
        pass
    return name, flags


def facts(binary):
    """Machine, date and versions."""
    from importlib.metadata import version

    name, flags = cpu_facts()
    own = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    packages = [line.split("==")[0].strip() for line in open(REQUIREMENTS) if "==" in line]
    return {
        "cpu": name,
        "flags": flags,
        "cpus": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "date": datetime.date.today().isoformat(),
        "edgebench": f"{own} (checkout {commit or 'unknown'})",
        "packages": {package: version(package) for package in packages},
        "load_average": os.getloadavg()[0],
    }
