"""The inputs a model is checked with: the same for every run, whatever their number."""

import numpy as np

from litert import input_details

RANGES = [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)]  # what float models are commonly fed with
INTEGER = {np.int8: (-128, 127), np.uint8: (0, 255), np.int16: (-32768, 32767), np.int32: (0, 9), np.int64: (0, 9)}


def unit(rng, shape, kind):
    """Values in 0…1: `kind` None = uniform noise, else one of eight structures."""
    if kind is None:
        return rng.random(shape)
    h, w = shape[1:3] if len(shape) > 2 else (int(np.prod(shape)), 1)
    y, x = np.meshgrid(np.linspace(0, 1, h), np.linspace(0, 1, w), indexing="ij")
    plane = {
        0: lambda: y if rng.random() < 0.5 else 1 - x,  # gradient
        1: lambda: np.full((h, w), float(rng.integers(0, 2))),  # constant at an extreme
        2: lambda: ((np.arange(h)[:, None] // cell + np.arange(w)[None] // cell) % 2).astype(float),  # checkerboard
        3: lambda: (np.arange(h * w) == rng.integers(0, h * w)).astype(float).reshape(h, w),  # one-hot
        4: lambda: np.full((h, w), rng.random()),  # constant
        5: lambda: clouds(rng, h, w),  # image-like: power falls with frequency
        6: lambda: np.clip(clouds(rng, h, w) * 2 - 0.5, 0, 1),  # the same, clipped at both ends
        7: lambda: (rng.random((h, w)) < 0.5).astype(float),  # only extremes
    }
    cell = int(rng.integers(1, 5))
    value = plane[kind]().reshape((1, h, w) + (1,) * (len(shape) - 3))[tuple([slice(None)] * min(len(shape), 3))]
    if len(shape) < 3:
        value = plane[kind]().reshape(-1)[: int(np.prod(shape))].reshape(shape)
    tint = 1.0 if kind in (1, 3, 7) else rng.uniform(0.5, 1.0, shape[-1] if len(shape) > 3 else 1)
    return np.broadcast_to(value * tint, shape)


def clouds(rng, h, w):
    """Noise with a 1/f spectrum, brought to 0…1: the statistics of photographs."""
    fy, fx = np.fft.fftfreq(h)[:, None], np.fft.fftfreq(w)[None]
    f = np.hypot(fy, fx)
    f[0, 0] = 1.0
    field = np.fft.ifft2(np.fft.fft2(rng.normal(size=(h, w))) / f).real
    low, high = field.min(), field.max()
    return (field - low) / (high - low) if high > low else np.full((h, w), 0.5)


def sample(detail, seed, index, structured):
    """One input tensor."""
    rng = np.random.default_rng([int(seed, 16) % 2**32, index, int(structured)])
    shape, dtype = tuple(int(n) for n in detail["shape"]), detail["dtype"]
    values = unit(rng, shape, index % 8 if structured else None)
    low, high = INTEGER.get(dtype) or RANGES[(index // 8 if structured else index) % 3]
    values = low + values * (high - low)
    return (np.rint(values) if dtype in INTEGER else values).astype(dtype)


def inputs_of(path, key, count):
    """`count` random and `count` structured samples, alternating; each a list of (tensor name, array)."""
    details = input_details(path)
    return [[(d["name"], sample(d, key, i, structured)) for d in details] for i in range(count) for structured in (False, True)]
