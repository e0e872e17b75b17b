"""Empty stand-ins for the CUDA libraries that PyTorch's Linux wheel links against, so that its CPU half runs without 3 GB of them.

The wheel on PyPI is the CUDA one, and `import torch` loads `libtorch_cuda.so`, whose references the loader wants to see resolved. Two
small packages stay real, because code of theirs runs at load (`nvidia-cuda-runtime`, `nvidia-cuda-cupti`). The others become libraries
of the same names and symbol versions whose functions abort: nothing on a CPU calls them. Needs `cc` and `readelf`. Standard library only.
"""

import collections
import os
import re
import subprocess
import tempfile

# Stand-in and the beginning of the names that belong to it where a reference has no version.
STUBS = {
    "libcublas.so.13": "cublas",
    "libcublasLt.so.13": "cublasLt",
    "libcudnn.so.9": "cudnn",
    "libcufft.so.12": "cufft",
    "libcufile.so.0": "cuFile",
    "libcurand.so.10": "curand",
    "libcusparse.so.12": "cusparse",
    "libcusparseLt.so.0": "cusparseLt",
    "libnccl.so.2": "nccl",
    "libnvshmem_host.so.3": "nvshmem",
}
UNDEFINED = re.compile(r"\sUND\s+([A-Za-z_]\w*)(?:@(\S+))?")


def references(folder):
    """For each stand-in the names that the wheel's libraries want of it, by version (`""`: none)."""
    wanted = {library: collections.defaultdict(set) for library in STUBS}
    for file in sorted(os.listdir(folder)):
        if not file.startswith("libtorch") or file in STUBS:
            continue
        listing = subprocess.run(["readelf", "--dyn-syms", "-W", os.path.join(folder, file)], capture_output=True, text=True, check=True)
        for name, version in UNDEFINED.findall(listing.stdout):
            owners = [library for library, prefix in STUBS.items() if name.startswith(prefix)]
            if owners:
                wanted[max(owners, key=lambda library: len(STUBS[library]))][version].add(name)
    return wanted


def build(path, versions):
    """Compiles one stand-in. The versions must be there too, or the loader complains."""
    with tempfile.TemporaryDirectory() as scratch:
        source, script = os.path.join(scratch, "stub.c"), os.path.join(scratch, "stub.map")
        with open(source, "w") as file:
            file.write("void stand_in(void) { __builtin_trap(); }\n")
            for name in sorted(set().union(*versions.values())):
                file.write(f"void {name}(void) {{ __builtin_trap(); }}\n")
        nodes = [f"{version} {{ global: {' '.join(f'{name};' for name in sorted(names))} }};" for version, names in versions.items() if version]
        with open(script, "w") as file:
            file.write("\n".join(nodes))
        command = ["cc", "-shared", "-fPIC", "-nostdlib", "-w", f"-Wl,-soname,{os.path.basename(path)}", "-o", path, source]
        subprocess.run([*command, *([f"-Wl,--version-script,{script}"] if nodes else [])], check=True)


def install(folder):
    """Writes the stand-ins beside the wheel's libraries (`torch/lib`), where their RPATH looks last."""
    for library, versions in references(folder).items():
        build(os.path.join(folder, library), versions)
