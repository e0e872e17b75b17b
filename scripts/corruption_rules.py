"""The rules of make_cifar_c.py (hendrycks/robustness), restated over the libraries that it uses, one function a corruption.

Each takes an image, its constants, an object that gives random numbers (`Counted` gives those of edgebench, `Free` NumPy's) and the
whole set of constants. ImageMagick's motion blur is restated in NumPy; frost is left out, it needs photographs.
"""

import io
import math

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import map_coordinates
from scipy.ndimage import zoom as scizoom
from scipy.special import ndtri
from scipy.stats import poisson
from skimage.color import hsv2rgb, rgb2hsv
from skimage.filters import gaussian as skgaussian

from corruption_constants import KINDS


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
