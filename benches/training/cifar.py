"""CIFAR-10's binary version: 45,000 images to train with, the last 5,000 of the training order to validate, 10,000 to test."""

import os

import numpy as np
import torch

RECORD, VALIDATION, PAD = 1 + 3072, 5000, 4


def records(paths):
    """Images uint8 [N, 32, 32, 3] and labels."""
    for path in paths:
        if not os.path.exists(path):
            raise SystemExit(f"{path} does not exist; --data DIR holds cifar-10-batches-bin, made by ../shared/scripts/cifar10_bin.py DIR")
    blob = np.concatenate([np.fromfile(path, np.uint8) for path in paths]).reshape(-1, RECORD)
    return np.ascontiguousarray(blob[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), blob[:, 0].astype(np.int64)


def splits(folder):
    """Training, validation and test set, each images and labels."""
    folder = os.path.join(folder, "cifar-10-batches-bin")
    images, labels = records([os.path.join(folder, f"data_batch_{i}.bin") for i in range(1, 6)])
    cut = len(images) - VALIDATION
    return (images[:cut], labels[:cut]), (images[cut:], labels[cut:]), records([os.path.join(folder, "test_batch.bin")])


def signed(images):
    """uint8 NHWC to float32 in -1..1, NCHW in shape and channels last in memory."""
    return (torch.from_numpy(images).float() / 127.5 - 1).permute(0, 3, 1, 2)


def batches(images, labels, batch, seed, epoch):
    """An epoch of shuffled full batches (what is left over is dropped), each image mirrored with probability ½, padded by four black
    pixels and cropped at random. The random numbers depend on seed and epoch alone, so a run can be taken up at any epoch."""
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(images))
    padded = np.pad(images, ((0, 0), (PAD, PAD), (PAD, PAD), (0, 0)))
    along = np.arange(32)
    for at in range(0, len(order) - batch + 1, batch):
        chosen = order[at : at + batch]
        top, left = random.integers(0, 2 * PAD + 1, (2, batch, 1))
        columns = np.where(random.random((batch, 1)) < 0.5, along[::-1], along) + left
        cropped = padded[chosen[:, None, None], (along + top)[:, :, None], columns[:, None, :]]
        yield signed(cropped), torch.from_numpy(labels[chosen])
