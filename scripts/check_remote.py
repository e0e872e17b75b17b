#!/usr/bin/env python3
"""edgebench --on, against a real sshd on loopback: same report as here, with the connection cut twice; errors; another CPU.

    cargo build --release && python3 scripts/check_remote.py target/release/edgebench
        [--arm target/cross-xtools/aarch64-unknown-linux-gnu/slim/edgebench]

Needs OpenSSH's client and server, and qemu-aarch64 for --arm. Everything lies in a temporary directory: host keys, user key,
configuration, the other end's cache. Prints one line a check; exit code 1 if one fails, 2 if it cannot be done. What was not
checked is said.
"""

import argparse
import contextlib
import getpass
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

KINDS = "gaussian_noise,fog,contrast,pixelate"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)


def descendants(pid):
    """Processes below `pid`."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    found, grown = {pid}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in found} - found
        found, grown = found | more, bool(more)
    return found - {pid}


class Server:
    """An sshd of our own: a cache directory and, if asked for, another idea of what machine it is."""

    def __init__(self, base, name, key, machine=None):
        self.base, self.port, self.cache = base, free_port(), base / f"cache-{name}"
        self.key, self.name = key, name
        self.cache.mkdir()
        config = [
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {key}", f"AuthorizedKeysFile {base / 'user.pub'}",
            f"PidFile {base / name}.pid", "StrictModes no", "UsePAM no", "PasswordAuthentication no",
            "KbdInteractiveAuthentication no", "PermitRootLogin yes", f"SetEnv XDG_CACHE_HOME={self.cache}",
        ]
        if machine:
            shims = base / f"bin-{name}"
            shims.mkdir()
            shim = shims / "uname"
            shim.write_text(f'#!/bin/sh\n[ "$1" = -m ] && echo {machine} && exit\nexec {shutil.which("uname")} "$@"\n')
            shim.chmod(0o755)
            entry = shims / "entry"
            entry.write_text(f'#!/bin/sh\nPATH={shims}:$PATH exec sh -c "$SSH_ORIGINAL_COMMAND"\n')
            entry.chmod(0o755)
            config.append(f"ForceCommand {entry}")
        (base / f"{name}.conf").write_text("\n".join(config) + "\n")
        self.process = None
        self.start()

    def start(self):
        command = [shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ["PATH"]), "-D", "-e", "-f", self.base / f"{self.name}.conf"]
        self.process = subprocess.Popen([str(word) for word in command], stderr=open(self.base / f"{self.name}.log", "a"))
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit(f"sshd does not start: {(self.base / f'{self.name}.log').read_text()}")

    def cut(self):
        """Ends every connection, and nothing else: sessions are sshd's children, the job is not."""
        sessions = [pid for pid in descendants(self.process.pid) if "sshd" in name_of(pid)]
        for pid in sessions:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(sessions)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    @property
    def url(self):
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}"


def name_of(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


class Checks:
    def __init__(self, program, base):
        self.program, self.base, self.failed, self.skipped = program, base, 0, []
        self.environment = dict(os.environ, EDGEBENCH_SSH=f"ssh -F {base / 'ssh.conf'}")
        self.environment.pop("EDGEBENCH_ISA", None)

    def check(self, what, good, detail=""):
        print(f"{'ok  ' if good else 'FAIL'} {what}" + ("" if good else f": {str(detail)[-800:]}"), flush=True)
        self.failed += not good

    def edgebench(self, *words, **options):
        return run(self.program, *words, env=self.environment, timeout=600, **options)

    def start(self, *words):
        command = [str(word) for word in (self.program, *words)]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def report(self, ledger):
        return self.edgebench("report", ledger, "--json", "--bootstrap", "50").stdout

    def error(self, what, words, server_words, ledger, on):
        """A measurement that cannot be done leaves the ledger as it was."""
        before = ledger.read_bytes()
        result = self.edgebench("eval", "--corruptions", KINDS, "--severity", "1", "--seed", "7", "--ledger", ledger, "--on", on, *words)
        good = result.returncode == 2 and all(word in result.stderr for word in server_words)
        self.check(f"{what}: a clear error", good, result.stderr)
        facts = ledger.read_bytes()
        # What is to be measured may be noted; nothing of what was there may change, and no cell may be added.
        intact = facts.startswith(before) and facts.count(b'{"cell"') == before.count(b'{"cell"')
        self.check(f"{what}: the ledger is intact", intact and self.edgebench("report", ledger, "--json").returncode == 0)


def cells(path):
    with contextlib.suppress(OSError):
        return path.read_bytes().count(b'{"cell"')
    return 0


def same_report_with_two_cuts(checks, server, local, grid):
    ledger = checks.base / "cut.ledger"
    words = ["eval", *grid, "--ledger", ledger, "--on", server.url, "--threads", "1"]
    process, cuts, total = checks.start(*words), 0, cells(checks.base / "local.ledger")
    while process.poll() is None:
        if cuts < 2 and cells(ledger) > total * (1 + 2 * cuts) / 6 and server.cut():
            cuts += 1
        time.sleep(0.02)
    out, err = process.communicate()
    checks.check("two cuts: done", process.returncode == 0 and cuts == 2, f"{cuts} cuts; {err}")
    # Whatever is measured while nobody listens arrives at once: the second cut may come when nothing is left to lose.
    checks.check("two cuts: it is told", "the connection was lost" in err, err)
    checks.check("two cuts: same report as here", checks.report(ledger) == local)
    devices = [json.loads(line)["record"]["device"] for line in ledger.read_text().splitlines() if '{"device"' in line]
    good = [fact["moment"] for fact in devices] == ["before", "after"] and all(fact["facts"]["cpu"] for fact in devices)
    checks.check("the ledger says what machine it was", good, devices)
    return ledger


def sent_once(checks, server, local, grid):
    blobs = server.cache / "edgebench/blobs"
    before = {path.name: path.stat().st_mtime_ns for path in blobs.iterdir()}
    ledger = checks.base / "again.ledger"
    result = checks.edgebench("eval", *grid, "--ledger", ledger, "--on", server.url)
    after = {path.name: path.stat().st_mtime_ns for path in blobs.iterdir()}
    checks.check("a second run sends nothing", result.returncode == 0 and before == after, result.stderr)
    # A connection that was cut while something was sent: half of it is there.
    name, whole = next((path.name, path.read_bytes()) for path in blobs.iterdir())
    sizes = []
    for part in (whole[: len(whole) // 2], b"x" * (len(whole) // 2)):
        (blobs / name).unlink()
        sender = hashlib.sha256(server.url.encode()).hexdigest()[:8]
        (blobs / f"{name}.{sender}.part").write_bytes(part)
        result = checks.edgebench("bench", "--runs", "5", "--on", server.url, "--json")
        sizes.append((result.returncode, (blobs / name).exists(), result.stderr))
        if result.returncode:
            result = checks.edgebench("bench", "--runs", "5", "--on", server.url, "--json")
            sizes.append((result.returncode, (blobs / name).read_bytes() == whole))
    checks.check("half a file is completed", sizes[0][:2] == (0, True), sizes)
    good = sizes[1][:2] == (2, False) and "arrived damaged" in sizes[1][2] and sizes[2] == (0, True)
    checks.check("a damaged half is found, and sent anew", good, sizes[1:])


def data_and_model(checks, server):
    """Files and directories of one's own, with names that shells do not like."""
    work = checks.base / "it's data"
    shutil.copytree(pathlib.Path(__file__).parent.parent / "models/zoo", work, ignore=shutil.ignore_patterns("*.md"))
    model = work / "my model ($1).tflite"
    shutil.copy(work / "digits_cnn_int8.tflite", model)
    images = work / "digits"
    made = checks.edgebench("corrupt", "--corruptions", "fog", "--severity", "1", "--format", "png", "--output", images)
    folder = next((path for path in sorted(images.rglob("*")) if path.is_dir() and len(list(path.iterdir())) == 10), None)
    if made.returncode or folder is None:
        checks.check("a folder of images", False, made.stderr or list(images.rglob("*"))[:20])
        return
    top1 = []
    for on in ([], ["--on", server.url]):
        result = checks.edgebench("eval", model, "--data", folder, "--json", *on)
        report = json.loads(result.stdout or "{}")
        report = report["hosts"][0]["report"] if on and "hosts" in report else report
        top1.append((report.get("data", {}).get("sha256"), report.get("models", [{}])[0].get("confusion"), result.stderr))
    checks.check("a folder of images and a model with an odd name", top1[0][1] and top1[0][:2] == top1[1][:2], top1)


def plain_commands(checks, server):
    bench = json.loads(checks.edgebench("bench", "--runs", "5", "--on", server.url, "--on", server.url, "--json").stdout or "{}")
    hosts = bench.get("hosts", [])
    good = len(hosts) == 2 and all(row["report"]["schema"] == "edgebench.bench/1" and row["before"]["isas"] for row in hosts)
    checks.check("bench on two machines", good, bench)
    documented = (pathlib.Path(__file__).parent.parent / "docs/json.md").read_text()
    rows = [{**row, **row["before"]} for row in hosts]
    missing = {key for row in rows for key in row if f"`{key}`" not in documented and f"{key}," not in documented and f"{key}}}" not in documented}
    checks.check("docs/json.md has every field of them", rows and not missing, missing)
    missed = checks.edgebench("eval", "--min-accuracy", "100%", "--on", server.url)
    checks.check("eval tells a threshold that is missed there", missed.returncode == 1 and "top-1" in missed.stderr, missed.stderr)


def parity(checks, server):
    same = checks.edgebench("parity", f"{server.url},isa:scalar", "threads:2", "--samples", "2", "--json")
    report = json.loads(same.stdout or "{}")
    checks.check("parity with a machine", same.returncode == 0 and report.get("same") and report["samples"] == 2, same.stderr)
    here = checks.edgebench("parity", "mode:reference", "isa:scalar", "--json")
    there = checks.edgebench("parity", f"{server.url},mode:reference", "isa:scalar", "--json")
    first = [json.loads(result.stdout or "{}").get("first") for result in (here, there)]
    good = there.returncode == 1 and first[0] == first[1] and first[1] and first[1]["element"]
    checks.check("parity names layer and element of a machine", good, (first, there.stderr))


def errors(checks, server, ledger):
    checks.error("nobody there", ["--on-patience", "2"], ["cannot be reached", "refused"], ledger, f"ssh://127.0.0.1:{free_port()}")
    wrong = checks.base / "wrong"
    wrong.write_bytes(b"\x7fELF" + bytes(14) + b"\xf3\0" + bytes(44))
    checks.error("a program for another machine", ["--on-program", wrong], ["another machine"], ledger, server.url)
    broken = checks.base / "broken"
    broken.write_bytes(pathlib.Path(checks.program).read_bytes()[:4096])
    checks.error("a program that does not start", ["--on-program", broken], ["does not start there"], ledger, server.url)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", checks.base / "other_key")
    config = checks.base / f"{server.name}.conf"
    text = config.read_text()
    server.stop()
    config.write_text(text.replace(str(server.key), str(checks.base / "other_key")))
    server.start()
    checks.error("another host key", [], ["host key is not the one"], ledger, server.url)
    server.stop()
    config.write_text(text)
    server.start()
    other = Server(checks.base, "strange", server.key, machine="riscv64")
    checks.error("a machine that there is no program for", [], ["riscv64", "expected Linux on"], ledger, other.url)
    other.stop()


def full_disk(checks, server, ledger, local, grid):
    small = checks.base / "cache-small"
    other = Server(checks.base, "small", server.key)
    if run("mount", "-t", "tmpfs", "-o", "size=1m", "edgebench-check", small).returncode:
        checks.skipped.append("a full disk (a small file system cannot be mounted here; run as root)")
        other.stop()
        return
    try:
        checks.error("a disk that is too small", [], ["no room in", "are free"], ledger, other.url)
        (small / "fill").write_bytes(bytes((1 << 20) - 8192))
        checks.error("a disk that is full", [], ["no room in"], ledger, other.url)
        (small / "fill").unlink()
        size = pathlib.Path(checks.program).stat().st_size + (8 << 20)
        run("mount", "-o", f"remount,size={size}", small)
        checks.edgebench("bench", "--runs", "2", "--on", other.url)
        free = os.statvfs(small)
        with contextlib.suppress(OSError), open(small / "fill", "wb") as fill:
            fill.write(bytes(free.f_bavail * free.f_frsize - (64 << 10)))
        words = ["eval", *grid, "--ledger", checks.base / "full.ledger", "--on", other.url]
        result = checks.edgebench(*words)
        good = result.returncode == 2 and ("No space left" in result.stderr or "was killed there" in result.stderr)
        checks.check("a disk that fills up while it is measured: a clear error", good, result.stderr)
        known = cells(checks.base / "full.ledger")
        checks.check("what had been measured is kept", 0 < known < cells(checks.base / "local.ledger"), known)
        (small / "fill").unlink()
        result = checks.edgebench(*words)
        good = result.returncode == 0 and checks.report(checks.base / "full.ledger") == local
        checks.check("with room again it goes on: same report as here", good, result.stderr)
    finally:
        other.stop()
        run("umount", small)


def killed(checks, server, local, grid):
    ledger = checks.base / "killed.ledger"
    words = ["eval", *grid, "--ledger", ledger, "--on", server.url]
    # A limit on the size of files ends the program by a signal.
    result = checks.edgebench(*words, "--on-with", "prlimit --fsize=40000 --core=0")
    good = result.returncode == 2 and "was killed there 3 times" in result.stderr
    checks.check("a run that is killed again and again: a clear error", good, result.stderr)
    known = cells(ledger)
    checks.check("what it had measured is kept", 0 < known < cells(checks.base / "local.ledger"), known)
    result = checks.edgebench(*words)
    good = result.returncode == 0 and checks.report(ledger) == local
    checks.check("without the limit it goes on: same report as here", good, result.stderr)


def another_cpu(checks, server, program, local, grid):
    arm = Server(checks.base, "arm", server.key, machine="aarch64")
    ledger = checks.base / "arm.ledger"
    words = ["--on", arm.url, "--on-program", program, "--on-with", "qemu-aarch64"]
    result = checks.edgebench("eval", *grid, "--ledger", ledger, *words)
    good = result.returncode == 0 and checks.report(ledger) == local
    checks.check("aarch64 (qemu-user): same report as here", good, result.stderr)
    bench = json.loads(checks.edgebench("bench", "--runs", "2", "--json", *words).stdout or "{}")
    facts = bench.get("hosts", [{}])[0].get("before", {})
    checks.check("aarch64 (qemu-user): it says what it is", facts.get("arch") == "aarch64" and facts.get("isas"), bench)
    same = checks.edgebench("parity", arm.url, "isa:scalar", *words[2:])
    checks.check("aarch64 (qemu-user): parity with every tensor here", same.returncode == 0, same.stdout + same.stderr)
    if shutil.which("uname") and os.uname().machine != "aarch64":
        result = checks.edgebench("eval", *grid, "--on", arm.url)
        good = result.returncode == 2 and "no edgebench for aarch64" in result.stderr
        checks.check("no program for aarch64: a clear error", good, result.stderr)
    arm.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--arm", type=pathlib.Path, help="a static program for aarch64, to be run by qemu-aarch64")
    args = parser.parse_args()
    path = "/usr/sbin:/usr/local/sbin:" + os.environ["PATH"]
    for tool in ("ssh", "sshd", "ssh-keygen", *(["qemu-aarch64"] if args.arm else [])):
        if not shutil.which(tool, path=path):
            print(f"check_remote.py: {tool} is not here", file=sys.stderr)
            return 2
    if os.getuid() == 0:
        # sshd wants this directory when it runs as root.
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="eb-") as base:
        base = pathlib.Path(base)
        for key in ("host_key", "user"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", base / key)
        (base / "ssh.conf").write_text(
            f"IdentityFile {base / 'user'}\nIdentitiesOnly yes\nUserKnownHostsFile {base / 'known'}\n"
            "GlobalKnownHostsFile /dev/null\nStrictHostKeyChecking accept-new\nLogLevel ERROR\n"
        )
        checks = Checks(args.program.resolve(), base)
        server = Server(base, "one", base / "host_key")
        grid = ["--corruptions", KINDS, "--block", "60", "--bootstrap", "50"]
        try:
            result = checks.edgebench("eval", *grid, "--ledger", base / "local.ledger")
            checks.check("a run here", result.returncode == 0, result.stderr)
            local = checks.report(base / "local.ledger")
            ledger = same_report_with_two_cuts(checks, server, local, grid)
            two = Server(base, "two", base / "host_key")
            both = checks.edgebench("eval", *grid, "--ledger", base / "both.ledger", "--on", server.url, "--on", two.url)
            good = both.returncode == 0 and checks.report(base / "both.ledger") == local
            checks.check("two machines share the work: same report as here", good, both.stderr)
            parts = [cells(path) for path in two.cache.glob("edgebench/jobs/*/ledger")]
            checks.check("and each does a part", parts and 0 < parts[0] < cells(base / "local.ledger"), parts)
            two.stop()
            sent_once(checks, server, local, grid)
            plain_commands(checks, server)
            parity(checks, server)
            data_and_model(checks, server)
            errors(checks, server, ledger)
            full_disk(checks, server, ledger, local, grid)
            fresh = Server(base, "fresh", base / "host_key")
            killed(checks, fresh, local, grid)
            fresh.stop()
            if args.arm:
                another_cpu(checks, server, args.arm.resolve(), local, grid)
            else:
                checks.skipped.append("another CPU (--arm)")
        finally:
            server.stop()
    for what in checks.skipped:
        print(f"not checked: {what}")
    print(f"{checks.failed} failed" if checks.failed else "all good")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
