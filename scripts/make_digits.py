#!/usr/bin/env python3
"""Write src/data/digits.bin, the image set that is compiled into edgebench.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998, https://doi.org/10.24432/C50P49, licence CC BY 4.0; the 1,797 images of 8 x 8 values
0..16 that scikit-learn ships as `load_digits`.

Layout: magic "EBDIGIT1", u32 little endian count, then one record of 65 bytes an image:
the label 0..9 and 64 values 0..16 in row order.

    pip install scikit-learn==1.9.1
    python scripts/make_digits.py
"""
import hashlib
import pathlib
import struct

from sklearn.datasets import load_digits

OUT = pathlib.Path(__file__).resolve().parent.parent / "src" / "data" / "digits.bin"


def main() -> None:
    digits = load_digits()
    values = digits.data.astype("u1")
    assert (values == digits.data).all() and values.max() == 16 and values.shape == (1797, 64)
    blob = bytearray(b"EBDIGIT1" + struct.pack("<I", len(values)))
    for label, row in zip(digits.target, values):
        blob.append(int(label))
        blob += row.tobytes()
    OUT.write_bytes(blob)
    print(f"{OUT.name}: {len(values)} images, {len(blob)} bytes, sha256 {hashlib.sha256(blob).hexdigest()}")


if __name__ == "__main__":
    main()
