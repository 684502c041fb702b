"""Finds the outliers in a data set with the score that the hardware computes, and says how well they separate.

    ternc tests/models/ecg_ae_dense/ecg_ae_dense.qonnx.onnx --anomaly 2
    python examples/outliers.py build/ecg_ae_dense.qonnx beats.npz --scale 0.015625

The data are inputs ``x`` (times ``--scale``) and their classes ``label``; classes below ``--normal`` are normal. The
area under the ROC curve is the chance that an outlier scores higher than a normal frame.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import ternc


def area_under_roc(scores: NDArray[np.float64], outlier: NDArray[np.bool_]) -> float:
    """Mann and Whitney's statistic; equal scores count half."""
    _, place, often = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(often) - (often - 1) / 2)[place]
    positives, negatives = int(outlier.sum()), int((~outlier).sum())
    return float((rank[outlier].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def main() -> None:
    """Run every frame through the simulated RTL."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("build", type=Path, help="of an autoencoder, made with --anomaly")
    parser.add_argument("data", type=Path, help=".npz file with x and label")
    parser.add_argument("--scale", type=float, default=1.0, help="of the stored integers x")
    parser.add_argument("--shape", type=int, nargs="*", help="of one input, without the batch; that of x")
    parser.add_argument("--normal", type=int, default=1, help="classes below this one are normal")
    options = parser.parse_args()

    with np.load(options.data) as data:
        x, label = (data["x"] * options.scale).astype(np.float32), data["label"]
    if options.shape:
        x = x.reshape(len(x), *options.shape)
    found = ternc.predict(options.build, x, engine="rtl")
    assert isinstance(found, dict), "the build has no outlier detector: compile with --anomaly"
    outlier = label >= options.normal
    flags = found["anomaly"]
    print(f"{len(x):,} frames, {flags.sum():,} flagged by the hardware")
    print(
        f"of {outlier.sum():,} outliers {np.mean(flags[outlier]):.1%} are flagged, "
        f"of the rest {np.mean(flags[~outlier]):.1%}"
    )
    print(
        f"area under the ROC curve of the hardware's scores: {area_under_roc(found['anomaly_score'], outlier):.4f}"
    )


if __name__ == "__main__":
    main()
