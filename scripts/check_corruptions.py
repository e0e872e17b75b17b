#!/usr/bin/env python3
"""Compare `edgebench corrupt` with the published algorithms, value by value, and write the table of docs/corruptions.md.

The rules of make_cifar_c.py (hendrycks/robustness) are restated below over the libraries it uses: NumPy, SciPy, scikit-image,
OpenCV and Pillow. ImageMagick's motion blur is restated in NumPy. Every rule takes its random numbers from an object, so that it
can be fed

  * with the numbers that edgebench draws (Philox4x32-10, counted): then both must agree value by value;
  * with NumPy's own: then both must agree in distribution.

Usage, in an environment with numpy scipy scikit-image opencv-python-headless==4.10.0.84 pillow (and imagecorruptions, which checks
the restatement itself where it follows the published rule):

  check_corruptions.py --edgebench target/release/edgebench --cifar cifar-10-batches-bin --images 200 [--markdown table.md]
"""

import argparse
import io
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import map_coordinates
from scipy.ndimage import zoom as scizoom
from scipy.special import ndtri
from scipy.stats import poisson
from skimage.color import hsv2rgb, rgb2hsv
from skimage.filters import gaussian as skgaussian

KINDS = """gaussian_noise shot_noise impulse_noise defocus_blur glass_blur motion_blur zoom_blur snow frost fog brightness contrast
elastic_transform pixelate jpeg_compression speckle_noise gaussian_blur spatter saturate""".split()
CERTAIN = "defocus_blur zoom_blur brightness contrast pixelate jpeg_compression gaussian_blur saturate".split()

CIFAR = dict(
    gaussian_noise=[0.04, 0.06, 0.08, 0.09, 0.10],
    shot_noise=[500, 250, 100, 75, 50],
    impulse_noise=[0.01, 0.02, 0.03, 0.05, 0.07],
    speckle_noise=[0.06, 0.1, 0.12, 0.16, 0.2],
    gaussian_blur=[0.4, 0.6, 0.7, 0.8, 1],
    glass_blur=[(0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)],
    defocus_blur=[(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)],
    motion_blur=[(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)],
    zoom_blur=[(1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)],
    fog=[(0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)],
    frost=[(1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)],
    snow=[
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ],
    spatter=[
        (0.62, 0.1, 0.7, 0.7, 0.5, 0),
        (0.65, 0.1, 0.8, 0.7, 0.5, 0),
        (0.65, 0.3, 1, 0.69, 0.5, 0),
        (0.65, 0.1, 0.7, 0.69, 0.6, 1),
        (0.65, 0.1, 0.5, 0.68, 0.6, 1),
    ],
    contrast=[0.75, 0.5, 0.4, 0.3, 0.15],
    brightness=[0.05, 0.1, 0.15, 0.2, 0.3],
    saturate=[(0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)],
    jpeg_compression=[80, 65, 58, 50, 40],
    pixelate=[0.95, 0.9, 0.85, 0.75, 0.65],
    elastic_transform=[(0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)],
    side=1.0,
)
IMAGENET = dict(
    gaussian_noise=[0.08, 0.12, 0.18, 0.26, 0.38],
    shot_noise=[60, 25, 12, 5, 3],
    impulse_noise=[0.03, 0.06, 0.09, 0.17, 0.27],
    speckle_noise=[0.15, 0.2, 0.35, 0.45, 0.6],
    gaussian_blur=[1, 2, 3, 4, 6],
    glass_blur=[(0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)],
    defocus_blur=[(3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)],
    motion_blur=[(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)],
    zoom_blur=[(1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)],
    fog=[(1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)],
    frost=[(1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)],
    snow=[
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ],
    spatter=[
        (0.65, 0.3, 4, 0.69, 0.6, 0),
        (0.65, 0.3, 3, 0.68, 0.6, 0),
        (0.65, 0.3, 2, 0.68, 0.5, 0),
        (0.65, 0.3, 1, 0.65, 1.5, 1),
        (0.67, 0.4, 1, 0.65, 1.5, 1),
    ],
    contrast=[0.4, 0.3, 0.2, 0.1, 0.05],
    brightness=[0.1, 0.2, 0.3, 0.4, 0.5],
    saturate=[(0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)],
    jpeg_compression=[25, 18, 15, 10, 7],
    pixelate=[0.6, 0.5, 0.4, 0.3, 0.25],
    elastic_transform=[(2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)],
    side=244 / 224,
)


class Counted:
    """The numbers that edgebench draws for one image."""

    def __init__(self, seed, index, kind, severity):
        self.key = (seed & 0xFFFFFFFF, seed >> 32)
        self.rest = (KINDS.index(kind) << 8 | severity, index & 0xFFFFFFFF, index >> 32)
        self.used = 0

    def words(self, n):
        first, last = self.used // 4, (self.used + n + 3) // 4
        c = [np.arange(first, last, dtype=np.uint64)] + [np.full(last - first, v, np.uint64) for v in self.rest]
        key, low = list(self.key), np.uint64(0xFFFFFFFF)
        for _ in range(10):
            a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
            shift = np.uint64(32)
            c = [b >> shift ^ c[1] ^ np.uint64(key[0]), b & low, a >> shift ^ c[3] ^ np.uint64(key[1]), a & low]
            key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
        words = np.stack(c, 1).ravel()[self.used - 4 * first :][:n]
        self.used += n
        return words

    def unit(self, shape):
        return ((self.words(math.prod(shape)).astype(np.float64) + 0.5) / 2.0**32).reshape(shape)

    def uniform(self, low, high, shape=()):
        return low + (high - low) * self.unit(shape)

    def normal(self, shape):
        return ndtri(self.unit(shape))

    def poisson(self, mean):
        return poisson.ppf(self.unit(mean.shape), mean)

    def step(self, delta):
        word = int(self.words(1)[0])
        return ((word & 0xFFFF) * 2 * delta >> 16) - delta, ((word >> 16) * 2 * delta >> 16) - delta

    def impulses(self, shape, p):
        words = self.words(math.prod(shape)).reshape(shape)
        return words < int(p * 2.0**32), words & np.uint64(1) == 1


class Free:
    """NumPy's numbers."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def uniform(self, low, high, shape=()):
        return self.rng.uniform(low, high, shape)

    def normal(self, shape):
        return self.rng.normal(size=shape)

    def poisson(self, mean):
        return self.rng.poisson(mean)

    def step(self, delta):
        return tuple(self.rng.integers(-delta, delta, 2))

    def impulses(self, shape, p):
        return self.rng.random(shape) <= p, self.rng.random(shape) <= 0.5


def blur(x, sigma, **how):
    return skgaussian(x, sigma=sigma, channel_axis=2 if x.ndim == 3 else None, **how)


def gaussian_noise(x, c, r, k):
    return np.clip(x / 255.0 + c * r.normal(x.shape), 0, 1) * 255


def shot_noise(x, c, r, k):
    return np.clip(r.poisson(x / 255.0 * c) / c, 0, 1) * 255


def impulse_noise(x, c, r, k):
    hit, salt = r.impulses(x.shape, c)
    out = x / 255.0
    out[hit & salt], out[hit & ~salt] = 1, 0
    return np.clip(out, 0, 1) * 255


def speckle_noise(x, c, r, k):
    x = x / 255.0
    return np.clip(x + x * (c * r.normal(x.shape)), 0, 1) * 255


def gaussian_blur(x, c, r, k):
    return np.clip(blur(x / 255.0, c), 0, 1) * 255


def glass_blur(x, c, r, k):
    sigma, delta, iterations = c
    x = np.uint8(blur(x / 255.0, sigma) * 255)
    height, width = x.shape[:2]
    for _ in range(iterations):
        for h in range(height - delta, delta, -1):
            for w in range(width - delta, delta, -1):
                dx, dy = r.step(delta)
                # Views of one array: both become the second.
                x[h, w], x[h + dy, w + dx] = x[h + dy, w + dx], x[h, w]
    return np.clip(blur(x / 255.0, sigma), 0, 1) * 255


def disk(radius, sigma):
    grid = np.arange(-8, 9) if radius <= 8 else np.arange(-radius, radius + 1)
    x, y = np.meshgrid(grid, grid)
    disk = np.array(x**2 + y**2 <= radius**2, dtype=np.float32)
    disk /= np.sum(disk)
    return cv2.GaussianBlur(disk, ksize=(3, 3) if radius <= 8 else (5, 5), sigmaX=sigma)


def defocus_blur(x, c, r, k):
    x, kernel = x / 255.0, disk(*c)
    return np.clip(np.stack([cv2.filter2D(x[:, :, d], -1, kernel) for d in range(3)], 2), 0, 1) * 255


def magick_motion_blur(x, radius, sigma, angle):
    """MotionBlurImage of ImageMagick on 8 bits: half a Gaussian on whole pixels, the edge repeated, rounded."""
    width = 2 * math.ceil(radius) + 1
    kernel = np.exp(-np.arange(width) ** 2 / (2.0 * sigma**2))
    kernel /= kernel.sum()
    way = (width * math.sin(math.radians(angle)), width * math.cos(math.radians(angle)))
    length = math.hypot(*way)
    height, wide = x.shape[:2]
    total = np.zeros(x.shape)
    for i, weight in enumerate(kernel):
        dy, dx = (math.ceil(i * w / length - 0.5) for w in way)
        rows = np.clip(np.arange(height) + dy, 0, height - 1)
        columns = np.clip(np.arange(wide) + dx, 0, wide - 1)
        total += weight * x[rows][:, columns]
    return np.floor(total + 0.5)


def motion_blur(x, c, r, k):
    return np.clip(magick_motion_blur(x, *c, float(r.uniform(-45, 45))), 0, 255)


def clipped_zoom(x, factor):
    height, width = x.shape[:2]
    ch, cw = (math.ceil(side / factor) for side in (height, width))
    top, left = (height - ch) // 2, (width - cw) // 2
    x = scizoom(x[top : top + ch, left : left + cw], (factor, factor, 1), order=1)
    top, left = (x.shape[0] - height) // 2, (x.shape[1] - width) // 2
    return x[top : top + height, left : left + width]


def zoom_blur(x, c, r, k):
    factors = np.arange(1, c[0], c[1])
    x = (x / 255.0).astype(np.float32)
    out = np.zeros_like(x)
    for factor in factors:
        out += clipped_zoom(x, factor)
    return np.clip((x + out) / (len(factors) + 1), 0, 1) * 255


def snow(x, c, r, k):
    mean, deviation, factor, threshold, radius, sigma, mix = c
    x = x.astype(np.float32) / 255.0
    layer = clipped_zoom((mean + deviation * r.normal(x.shape[:2]))[..., None], factor)
    layer[layer < threshold] = 0
    layer = (np.clip(layer.squeeze(2), 0, 1) * 255).astype(np.uint8)
    layer = (magick_motion_blur(layer, radius, sigma, float(r.uniform(-135, -45))) / 255.0)[..., None]
    grey = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[..., None]
    x = mix * x + (1 - mix) * np.maximum(x, grey * 1.5 + 0.5)
    return np.clip(x + layer + np.rot90(layer, k=2), 0, 1) * 255


def fog(x, c, r, k):
    amount, decay = c
    size = 1 << (max(x.shape[:2]) - 1).bit_length()
    x = x / 255.0
    most = x.max()
    x += amount * plasma(size, decay, r)[: x.shape[0], : x.shape[1], None]
    return np.clip(x * most / (most + amount), 0, 1) * 255


def plasma(size, decay, r):
    out = np.zeros((size, size))
    step, wibble = size, 100.0

    def mean(total):
        return total / 4 + wibble * r.uniform(-wibble, wibble, total.shape)

    while step >= 2:
        half = step // 2
        corners = out[::step, ::step]
        total = corners + np.roll(corners, -1, axis=0)
        total = total + np.roll(total, -1, axis=1)
        out[half::step, half::step] = mean(total)
        middles = out[half::step, half::step]
        total = (middles + np.roll(middles, 1, axis=0)) + (corners + np.roll(corners, -1, axis=1))
        out[::step, half::step] = mean(total)
        total = (middles + np.roll(middles, 1, axis=1)) + (corners + np.roll(corners, -1, axis=0))
        out[half::step, ::step] = mean(total)
        step, wibble = half, wibble / decay
    out -= out.min()
    return out / out.max()


def brightness(x, c, r, k):
    x = rgb2hsv(x / 255.0)
    x[:, :, 2] = np.clip(x[:, :, 2] + c, 0, 1)
    return np.clip(hsv2rgb(x), 0, 1) * 255


def saturate(x, c, r, k):
    x = rgb2hsv(x / 255.0)
    x[:, :, 1] = np.clip(x[:, :, 1] * c[0] + c[1], 0, 1)
    return np.clip(hsv2rgb(x), 0, 1) * 255


def contrast(x, c, r, k):
    x = x / 255.0
    means = np.mean(x, axis=(0, 1), keepdims=True)
    return np.clip((x - means) * c + means, 0, 1) * 255


def elastic_transform(x, c, r, k):
    x = x.astype(np.float32) / 255.0
    height, width = x.shape[:2]
    side = min(height, width) * k["side"]
    alpha, sigma, jitter = (v * side for v in c)
    centre, reach = np.float32([height, width]) // 2, min(height, width) // 3
    before = np.float32([centre + reach, [centre[0] + reach, centre[1] - reach], centre - reach])
    after = before + r.uniform(-jitter, jitter, before.shape).astype(np.float32)
    x = cv2.warpAffine(x, cv2.getAffineTransform(before, after), (width, height), borderMode=cv2.BORDER_REFLECT_101)

    def field():
        if alpha == 0:
            return np.zeros((height, width, 1), np.float32)
        noise = r.uniform(-1, 1, (height, width))
        return (skgaussian(noise, sigma, mode="reflect", truncate=3) * alpha).astype(np.float32)[..., None]

    dx, dy = field(), field()
    at_x, at_y, at_z = np.meshgrid(np.arange(width), np.arange(height), np.arange(3))
    places = np.reshape(at_y + dy, (-1, 1)), np.reshape(at_x + dx, (-1, 1)), np.reshape(at_z, (-1, 1))
    return np.clip(map_coordinates(x, places, order=1, mode="reflect").reshape(x.shape), 0, 1) * 255


def pixelate(x, c, r, k):
    height, width = x.shape[:2]
    small = Image.fromarray(x).resize((int(width * c), int(height * c)), Image.BOX)
    return np.array(small.resize((width, height), Image.BOX))


def jpeg_compression(x, c, r, k):
    file = io.BytesIO()
    Image.fromarray(x).save(file, "JPEG", quality=c)
    return np.array(Image.open(file))


def spatter(x, c, r, k):
    mean, deviation, sigma, threshold, strength, mud = c
    x = x.astype(np.float32) / 255.0
    layer = skgaussian(mean + deviation * r.normal(x.shape[:2]), sigma=sigma)
    layer[layer < threshold] = 0
    if mud:
        m = skgaussian(np.where(layer > threshold, 1, 0).astype(np.float32), sigma=strength)
        m[m < 0.8] = 0
        colour = np.float32([63, 42, 20]) / 255
        return np.clip(x * (1 - m[..., None]) + colour * m[..., None], 0, 1) * 255
    layer = (layer * 255).astype(np.int32).astype(np.uint8)
    dist = cv2.distanceTransform(255 - cv2.Canny(layer, 50, 150), cv2.DIST_L2, 5)
    dist = np.minimum(dist, 20)
    dist = cv2.equalizeHist(cv2.blur(dist, (3, 3)).astype(np.uint8))
    dist = cv2.filter2D(dist, cv2.CV_8U, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]))
    m = layer * cv2.blur(dist, (3, 3)).astype(np.float32)
    if m.max() > 0:
        m = m / m.max() * np.float32(strength)
    return np.clip(x + m[..., None] * (np.float32([175, 238, 238]) / 255), 0, 1) * 255


RULES = {kind: globals()[kind] for kind in KINDS if kind != "frost"}


def published(kind, severity, image, constants, numbers):
    return np.uint8(RULES[kind](image, constants[kind][severity - 1], numbers, constants))


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edgebench", required=True)
    parser.add_argument("--cifar", required=True, help="directory with test_batch.bin")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--free", type=int, default=100, help="images for the comparison of distributions (mean and standard deviation of the change)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--markdown")
    args = parser.parse_args()
    raw = np.fromfile(Path(args.cifar) / "test_batch.bin", np.uint8).reshape(-1, 3073)[: args.images]
    images, labels = raw[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), raw[:, 0].copy()
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
