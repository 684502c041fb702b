"""Reloadable builds of small models, and builds of other networks of exactly the same shape."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ternc import frontend, pipeline, target
from ternc.network.layers import Linear, Network
from ternc.pipeline import Build, CompileOptions
from ternc.schedule.build import schedule
from ternc.schedule.design import Design
from ternc.target.device import Device
from zoo import MODELS, shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A model on an array: its network, with thresholds only, as other weights have other multiply-shift forms."""

    source: Path
    network: Network
    device: Device
    options: CompileOptions

    def design(self, network: Network) -> Design:
        """The reloadable design of a network."""
        wish = pipeline.wish_of(self.options, self.device)
        return replace(schedule(network, self.device, wish), reloadable=True)

    def other(self, seed: int) -> Network:
        """Weights with other signs and other thresholds, but the same shape of the hardware."""
        wanted = [engine.geometry for engine in self.design(self.network).engines]
        rng = np.random.default_rng(seed)
        while True:
            network = replace(self.network, layers=tuple(_other(layer, rng) for layer in self.network.layers))
            if [engine.geometry for engine in self.design(network).engines] == wanted:
                return network

    def build(self, network: Network, path: Path) -> Build:
        """A build directory; its ONNX file is that of the model that the shape is of."""
        design = self.design(network)
        files = pipeline.build_files(self.source, network, design, self.options)
        pipeline.write_whole(path, network, files, {})
        return Build(path=path, design=design, network=network)


def read(model: str, array: str, target_name: str = "arria10") -> Shape:
    """``tests/models/<folder>/<model>.onnx`` on an array."""
    source = MODELS / model.split(".")[0] / f"{model}.onnx"
    options = CompileOptions(target=target_name, array=shape(array), emit=("rtl",))
    device = target.load(target_name)
    network, _ = pipeline.chosen(frontend.read(source), device, pipeline.wish_of(options, device))
    layers = tuple(_with_thresholds(layer) for layer in network.layers)
    return Shape(source=source, network=replace(network, layers=layers), device=device, options=options)


def _with_thresholds(layer: Linear) -> Linear:
    if layer.activation is None:
        return layer
    return replace(layer, activation=replace(layer.activation, form=None, proof=None))


def _other(layer: Linear, rng: np.random.Generator) -> Linear:
    """Every sign drawn anew; a step some units lower or higher."""
    terms = tuple(
        replace(
            term, weights=term.weights * rng.choice(np.array([-1, 1], term.weights.dtype), term.weights.shape)
        )
        for term in layer.terms
    )
    if layer.activation is None:
        return replace(layer, terms=terms)
    thresholds = layer.activation.thresholds
    moved = thresholds + rng.integers(-3, 4, (len(thresholds), 1))
    return replace(layer, terms=terms, activation=replace(layer.activation, thresholds=moved))
