"""Classify the reference digits of a build with its RTL and with its golden model.

python examples/digits.py build/mnist_cnn_a4 tests/models/mnist_cnn_a4/mnist_cnn_a4.ref.npz
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import ternc


def main(build: Path, reference: Path) -> None:
    """Print how many digits are right, and how far the RTL is from the trained model's own outputs."""
    with np.load(reference) as stored:
        x = (stored["x_code"] * stored["x_scale"]).astype(np.float32)
        label, trained = stored["label"], stored["y"]
    golden = ternc.predict(build, x)
    rtl = ternc.predict(build, x, engine="rtl")
    if not np.array_equal(golden, rtl):
        sys.exit("the RTL and the golden model differ")
    right = int((rtl.argmax(axis=1) == label).sum())
    furthest = float(np.abs(rtl - trained).max())
    print(f"{right} of {len(label)} digits right ({right / len(label):.1%}), computed by the RTL")
    print(f"largest difference from the trained model's own outputs: {furthest:.1e}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
