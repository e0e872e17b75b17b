#!/usr/bin/env python3
"""Compare `edgebench corrupt` with the published algorithms, value by value, and write the table of docs/corruptions.md.

The rules (corruption_rules.py) are fed

  * with the numbers that edgebench draws (Philox4x32-10, counted): then both must agree value by value;
  * with NumPy's own: then both must agree in distribution.

Usage, in an environment with numpy scipy scikit-image opencv-python-headless==4.10.0.84 pillow (and imagecorruptions, which checks
the restatement itself where it follows the published rule):

  check_corruptions.py --edgebench target/release/edgebench --cifar cifar-10-batches-bin --images 300 [--markdown table.md]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from corruption_constants import CERTAIN, CIFAR, IMAGENET, KINDS
from corruption_rules import RULES, Counted, Free, blur, published


def ours(tool, images, labels, name, kinds, seed):
    """What `edgebench corrupt` makes of the images: {kind: [5, N, H, W, 3]}, and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        np.save(folder / "x.npy", images)
        np.save(folder / "labels.npy", labels)
        command = [tool, "corrupt", "--data", folder / "x.npy", "--labels", folder / "labels.npy", "--constants", name]
        command += ["--corruptions", ",".join(kinds), "--seed", str(seed), "--output", folder / "out", "--threads", "1"]
        begin = time.perf_counter()
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begin
        files = {kind: np.load(next((folder / "out").glob(f"{kind}*.npy"))) for kind in kinds}
    return {kind: data.reshape(5, *images.shape) for kind, data in files.items()}, seconds


def compare(args, name, constants, images, labels):
    kinds = [kind for kind in KINDS if kind != "frost"]
    made, seconds = ours(args.edgebench, images, labels, name, kinds, args.seed)
    rows, slow = [], 0.0
    for kind in kinds:
        equal = near = values = 0
        worst = 1.0
        moved, moved_free = [], []
        for severity in range(1, 6):
            here = 0
            for index, image in enumerate(images):
                begin = time.perf_counter()
                want = published(kind, severity, image, constants, Counted(args.seed, index, kind, severity))
                slow += time.perf_counter() - begin
                got = made[kind][severity - 1, index]
                apart = np.abs(got.astype(int) - want)
                equal, here, values = equal + (apart == 0).sum(), here + (apart <= 1).sum(), values + apart.size
                if index < args.free:
                    moved.append(got.astype(int) - image)
                if kind not in CERTAIN and index < args.free:
                    free = published(kind, severity, image, constants, Free([severity, index]))
                    moved_free.append(free.astype(int) - image)
            near, worst = near + here, min(worst, here / images.size)
        a, b = np.array(moved), np.array(moved_free) if moved_free else None
        spread = f"{a.mean():+.2f} / {a.std():.2f}"
        free = f"{b.mean():+.2f} / {b.std():.2f}" if b is not None else ""
        rows.append((kind, equal / values, near / values, worst, spread, free))
        print(f"{name:9} {kind:18} equal {equal / values:9.4%}  within 1 {near / values:9.4%}  worst {worst:9.4%}  "
              f"{spread:>16}  {free:>16}", flush=True)
    print(f"{name}: edgebench {seconds:.2f} s on one thread, files included; Python {slow:.1f} s: {slow / seconds:.0f} times")
    return rows, seconds, slow


def restatement_is_that_of_imagecorruptions(images):
    """imagecorruptions follows the published ImageNet rules but in a few kinds; there the restatement must equal it."""
    np.float_ = np.float64
    try:
        from imagecorruptions import corruptions as peer
    except ImportError as missing:
        print(f"skipped: imagecorruptions ({missing})", file=sys.stderr)
        return
    peer.gaussian = lambda x, sigma, multichannel=False, **how: blur(x, sigma, **how)
    for kind in ["gaussian_blur", "defocus_blur", "brightness", "contrast", "saturate", "jpeg_compression"]:
        for severity in range(1, 6):
            for image in images:
                want = np.uint8(getattr(peer, kind)(Image.fromarray(image), severity))
                assert (want == published(kind, severity, image, IMAGENET, None)).all(), (kind, severity)
    print("the restated rules equal those of imagecorruptions: gaussian_blur defocus_blur brightness contrast saturate jpeg_compression")


def write_golden(path, image):
    """One image under every kind, severity and set of constants, by the rules above with counted numbers, as raw bytes."""
    height, width, _ = image.shape
    text = f"check_corruptions.py --golden; numpy {np.__version__} opencv {cv2.__version__} seed 1 image 0; {height} {width} 3\n"
    parts = [text.encode(), image.tobytes()]
    for constants in (CIFAR, IMAGENET):
        for kind in RULES:
            for severity in range(1, 6):
                parts.append(published(kind, severity, image, constants, Counted(1, 0, kind, severity)).tobytes())
    Path(path).write_bytes(b"".join(parts))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edgebench", help="the program; without it nothing is compared")
    parser.add_argument("--cifar", required=True, help="directory with test_batch.bin")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--free", type=int, default=100, help="images for the comparison of distributions (mean and standard deviation of the change)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--markdown")
    parser.add_argument("--golden", help="write the vectors of kernels/corrupt/tests/golden.rs here")
    args = parser.parse_args()
    raw = np.fromfile(Path(args.cifar) / "test_batch.bin", np.uint8).reshape(-1, 3073)[: args.images]
    images, labels = raw[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), raw[:, 0].copy()
    if args.golden:
        # A drawn picture (uneven, lest exact ties decide), so that no data set's goes into the repository: ramps, an edge, a disc, noise.
        y, x = np.mgrid[:14, :18]
        disc = (y - 5) ** 2 + (x - 11) ** 2 < 16
        noise = np.random.default_rng(1).integers(0, 90, (14, 18))
        image = np.stack([x * 13 + noise % 9, np.where(disc, 230, y * 12) + noise % 7, np.where(x < 5, noise * 2, 40 + noise)], 2).astype(np.uint8)
        write_golden(args.golden, image)
    if not args.edgebench:
        return
    large = np.stack([np.array(Image.fromarray(i).resize((160, 120), Image.BICUBIC)) for i in images[: max(4, args.images // 25)]])
    restatement_is_that_of_imagecorruptions(large[:4])
    text = []
    for name, constants, data in (("cifar", CIFAR, images), ("imagenet", IMAGENET, large)):
        rows, seconds, slow = compare(args, name, constants, data, labels[: len(data)])
        size = "{1} x {2}".format(*data.shape)
        text += [f"Constants `{name}`, {len(data)} images of {size}, 5 severities:", ""]
        text += ["| kind | random | equal | within 1 | within 1, worst severity | mean / std of the change | the same with NumPy's numbers |"]
        text += ["|---|---|---|---|---|---|---|"]
        for kind, equal, near, worst, spread, free in rows:
            random = "no" if kind in CERTAIN else "yes"
            text += [f"| {kind} | {random} | {equal:.3%} | {near:.3%} | {worst:.3%} | {spread} | {free} |"]
        text += ["", f"edgebench: {seconds:.2f} s on one thread, files included; Python: {slow:.1f} s, {slow / seconds:.0f} times as long.", ""]
    if args.markdown:
        Path(args.markdown).write_text("\n".join(text))


if __name__ == "__main__":
    main()
