#!/usr/bin/env python3
"""Train the small digit classifier of models/zoo, convert it and measure it with LiteRT.

Writes models/zoo/digits_cnn_{int8,float}.tflite, the side file of the float one, MODELS.toml,
and tests/golden/digits_cnn.npz (what LiteRT answers for the 359 test images).

    pip install tensorflow-cpu==2.21.0 ai-edge-litert==2.3.0
    python scripts/train_zoo.py            # a few minutes on two cores
    python scripts/train_zoo.py --measure  # measure the files that are there, train nothing

Seeds are fixed and TensorFlow's deterministic operators are on, but another CPU may round otherwise:
a new run gives a file of the same quality, not necessarily of the same bytes.
"""
import argparse
import hashlib
import os
import pathlib
import platform

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
ZOO = ROOT / "models" / "zoo"
GOLDEN = ROOT / "tests" / "golden" / "digits_cnn.npz"
SEED, EPOCHS, BATCH, CALIBRATION = 20, 60, 32, 400
FILES = {"int8": "digits_cnn_int8.tflite", "float": "digits_cnn_float.tflite"}


def digits():
    """The embedded set as `--data digits` presents it: uint8 [n, 32, 32, 3], labels, test mask."""
    blob = (ROOT / "src" / "data" / "digits.bin").read_bytes()
    assert blob[:8] == b"EBDIGIT1"
    records = np.frombuffer(blob, np.uint8, offset=12).reshape(-1, 65)
    values = (records[:, 1:].astype(np.int32).reshape(-1, 8, 8) * 255 + 8) // 16
    images = values.repeat(4, 1).repeat(4, 2)[..., None].repeat(3, 3).astype(np.uint8)
    return images, records[:, 0].astype(np.int64), np.arange(len(records)) % 5 == 4


def build():
    import keras
    from keras import layers as L

    def normed(x, relu=True):
        x = L.BatchNormalization(momentum=0.9)(x)
        return L.ReLU()(x) if relu else x

    inputs = x = keras.Input((32, 32, 3))
    x = normed(L.Conv2D(16, 3, 2, "same", use_bias=False)(x))
    x = normed(L.DepthwiseConv2D(3, 2, "same", use_bias=False)(x))
    x = normed(L.Conv2D(24, 1, use_bias=False)(x))
    y = normed(L.Conv2D(24, 3, 1, "same", use_bias=False)(x))
    y = normed(L.Conv2D(24, 3, 1, "same", use_bias=False)(y), relu=False)
    x = L.ReLU()(L.Add()([x, y]))
    x = normed(L.DepthwiseConv2D(3, 2, "same", use_bias=False)(x))
    x = normed(L.Conv2D(48, 1, use_bias=False)(x))
    x = L.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, L.Dense(10, activation="softmax")(x), name="digits_cnn")


def batches(images, labels, rng):
    """One epoch: shuffled, each image moved by up to 4 pixels and dimmed a little."""
    order = rng.permutation(len(images))
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0))).astype(np.float32) / 255
    for at in range(0, len(order) - BATCH + 1, BATCH):
        chosen = order[at : at + BATCH]
        out = np.empty((BATCH, 32, 32, 3), np.float32)
        for i, index in enumerate(chosen):
            dy, dx = rng.integers(0, 9, 2)
            out[i] = padded[index, dy : dy + 32, dx : dx + 32] * rng.uniform(0.8, 1.0)
        yield out, labels[chosen]


def train(images, labels):
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    rng = np.random.default_rng(SEED)
    model = build()
    steps = len(images) // BATCH * EPOCHS
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-4), "sparse_categorical_crossentropy")
    for epoch in range(EPOCHS):
        losses = [model.train_on_batch(x, y) for x, y in batches(images, labels, rng)]
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {float(np.mean(losses)):.4f}", flush=True)
    return model


def convert(model, calibration):
    import tensorflow as tf

    ZOO.mkdir(parents=True, exist_ok=True)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    (ZOO / FILES["float"]).write_bytes(converter.convert())
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[None].astype(np.float32) / 255] for x in calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (ZOO / FILES["int8"]).write_bytes(converter.convert())


def quantise(x, scale, zero_point):
    """clamp(round half away from zero(x / scale) + zero point)"""
    q = x.astype(np.float64) / float(scale)
    return np.clip(np.trunc(q + np.copysign(0.5, q)) + zero_point, -128, 127).astype(np.int8)


def outputs(path, images):
    from ai_edge_litert.interpreter import Interpreter

    net = Interpreter(str(path), num_threads=1)
    net.allocate_tensors()
    inp, out = net.get_input_details()[0], net.get_output_details()[0]
    rows = []
    for image in images:
        x = image[None].astype(np.float32) / np.float32(255)
        if inp["dtype"] == np.int8:
            x = quantise(x, *inp["quantization"])
        net.set_tensor(inp["index"], x)
        net.invoke()
        rows.append(net.get_tensor(out["index"])[0].copy())
    return np.stack(rows), inp["quantization"], out["quantization"]


def versions():
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for name in ("tensorflow-cpu", "keras", "ai-edge-litert", "numpy"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            pass
    return [*found, f"python {platform.python_version()}"]


def write_record(entries):
    names = ", ".join(f'"{v}"' for v in versions())
    (ZOO / "MODELS.toml").write_text(f"""\
# The models that this project trained itself. Figures: top-1 on the test split with LiteRT 2.3.0, default CPU path.

[recipe]
script = "scripts/train_zoo.py"
versions = [{names}]
seed = {SEED}
epochs = {EPOCHS}
batch = {BATCH}
optimiser = "AdamW 2e-3, cosine decay, weight decay 1e-4"
augmentation = "shift by up to 4 pixels, dim to 0.8..1"
quantisation = "full int8 after training, per channel, {CALIBRATION} training images for calibration"
data = "src/data/digits.bin: Optical Recognition of Handwritten Digits (UCI, CC BY 4.0), 32 x 32 x 3"
split = "test: index % 5 == 4 (359 images); train: the other 1438; the test split chose nothing"

""" + "\n".join(entries))
    side = '# A float input does not tell its preprocessing.\n[input]\npreprocess = "unit"\n'
    (ZOO / "digits_cnn_float.toml").write_text(side)


def measure(images, labels, trained):
    """LiteRT's answers on the test split: printed and, after training, kept as golden and in MODELS.toml."""
    golden, entries = {"labels": labels.astype(np.uint8)}, []
    for kind, name in FILES.items():
        result, in_q, out_q = outputs(ZOO / name, images)
        golden[kind] = result
        right = int((result.argmax(1) == labels).sum())
        blob = (ZOO / name).read_bytes()
        print(f"{name}: {right}/{len(labels)} = {100 * right / len(labels):.2f} % top-1, {len(blob)} bytes")
        print(f"  input quantisation {in_q}, output {out_q}")
        entries.append(f"""\
[[model]]
file = "{name}"
sha256 = "{hashlib.sha256(blob).hexdigest()}"
bytes = {len(blob)}
input = "{'int8' if kind == 'int8' else 'float32'} [1, 32, 32, 3]"
preprocess = "unit"
test_images = {len(labels)}
test_correct = {right}
""")
    if trained:
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        note = f"scripts/train_zoo.py; {'; '.join(versions())}; index % 5 == 4 of digits.bin; default CPU path, 1 thread"
        np.savez_compressed(GOLDEN, generator=np.frombuffer(note.encode(), np.uint8), **golden)
        write_record(entries)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="train nothing, measure what is there")
    only_measure = parser.parse_args().measure
    images, labels, test = digits()
    if not only_measure:
        convert(train(images[~test], labels[~test]), images[~test][:CALIBRATION])
    measure(images[test], labels[test], not only_measure)


if __name__ == "__main__":
    main()
