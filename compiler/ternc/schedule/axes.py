"""How layers walk through the maps that they read: output phases, pool windows, storage strides.

All of it follows from the stage's layers alone, whatever the array's shape (docs/program.md, 'Phases, windows, taps').
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd, lcm

from ternc.errors import InternalError
from ternc.network.analysis import sources, sum_size
from ternc.network.layers import Linear, Network
from ternc.numeric import ceil_div
from ternc.schedule.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Output positions of a layer along one axis: position ``j * phases + phase``, j = 0, 1, ...

    Attributes:
        size: Output positions, behind the pool.
        sums: Positions in front of the pool.
        phases: Output phases, each with its own taps; at most ``size``.
        windows: Positions of a pool window; pool_stride, pool_dilation, pool_before: of the pool.
    """

    size: int
    sums: int
    phases: int
    windows: int
    pool_stride: int
    pool_dilation: int
    pool_before: int

    @property
    def steps(self) -> int:
        """Output positions of one phase (the last ones of some phases may lie outside)."""
        return ceil_div(self.size, self.phases)

    def at(self, phase: int, window: int) -> int:
        """Position in front of the pool of a window position of output position ``phase`` (j = 0)."""
        return phase * self.pool_stride + window * self.pool_dilation - self.pool_before

    def taken(self, phase: int, window: int) -> tuple[int, int]:
        """The j, ``low <= j < high``, whose window position lies inside the map: 0 to ``steps`` at most."""
        pace, at = self.phases * self.pool_stride, self.at(phase, window)
        low, high = ceil_div(-at, pace), ceil_div(self.sums - at, pace)
        return min(max(low, 0), self.steps), min(max(high, 0), self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How one term reads its source along one axis: position a in front of the pool reads, with kernel tap k,
    position ``a * stride + k * dilation - before`` of the source enlarged ``upsample`` times.

    Attributes:
        kernel: Kernel taps.
        zeros: Inserted pixels are zeros and are not read, else they are copies.
    """

    kernel: int
    stride: int
    dilation: int
    before: int
    upsample: int
    zeros: bool

    def step(self, axis: Axis) -> int:
        """Source positions from one j of a phase to the next; exact where ``axis.phases`` suits."""
        return axis.phases * axis.pool_stride * self.stride // self.upsample

    def least_phases(self, axis: Axis) -> int:
        """The fewest output phases that make the step a whole number."""
        return self.upsample // gcd(self.upsample, axis.pool_stride * self.stride)

    def delta(self, axis: Axis, phase: int, window: int, k: int) -> int | None:
        """Source position of kernel tap k at j = 0; None where it meets an inserted zero."""
        at = axis.at(phase, window) * self.stride + k * self.dilation - self.before
        if self.zeros and at % self.upsample:
            return None
        return at // self.upsample

    def live(self, axis: Axis, phase: int, window: int) -> tuple[int, ...]:
        """Kernel taps that meet pixels, rising."""
        return tuple(k for k in range(self.kernel) if self.delta(axis, phase, window, k) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One layer: its output axes, and (vertical, horizontal) reach of each term."""

    vertical: Axis
    horizontal: Axis
    terms: tuple[tuple[Reach, Reach], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walks:
    """Every layer of a stage, and the storage stride along x of every tensor that they read.

    Law: a layer of more than one step along x reads each of its sources at a step that is its storage stride.
    """

    layers: tuple[Walk, ...]
    strides: dict[str, int]


def walks(stage: Stage) -> Walks:
    """The phases and storage strides of a stage: the smallest on which writers and readers agree.

    Along y rows are addressed one by one and the phases are those of the upsampling. Along x the pixels that are
    read at once must be neighbours in storage, so a tensor is stored at the stride of its readers, and a layer that
    reads a tensor at a larger stride than it needs, or several at unlike ones, takes more phases. Where layers
    demand strides that grow without end (one that reads a map both at stride 1 and at stride 2), one of them
    reads a single pixel at a time, with as many phases as pixels, and demands nothing.
    """
    found = [_walk(stage.network, layer) for layer in stage.layers]
    narrow = {n for n, walk in enumerate(found) if walk.horizontal.steps == 1}
    yielding: list[int] = []
    while True:
        agreed = _agree(stage, found, narrow | set(yielding))
        if isinstance(agreed, Walks):
            break
        yielding.append(agreed)
    for n in yielding[:-1]:  # some only met the consequences of a later one
        fewer = [other for other in yielding if other != n]
        better = _agree(stage, found, narrow | set(fewer))
        if isinstance(better, Walks):
            agreed, yielding = better, fewer
    return agreed


def _walk(network: Network, layer: Linear) -> Walk:
    target, read = network.tensor(layer.target), sources(network, layer)
    size = sum_size(layer, read)
    pool = layer.pool
    terms = tuple((_reach(layer, t, axis=0), _reach(layer, t, axis=1)) for t in range(len(layer.terms)))

    def axis(n: int, length: int) -> Axis:
        whole = Axis(
            size=length,
            sums=size[n],
            phases=1,
            windows=pool.kernel[n] if pool else 1,
            pool_stride=pool.stride[n] if pool else 1,
            pool_dilation=pool.dilation[n] if pool else 1,
            pool_before=pool.padding[n] if pool else 0,
        )
        phases = lcm(*(term[n].least_phases(whole) for term in terms))
        if n == 0 and network.anomaly and network.anomaly.tensor == layer.target:
            phases = next(p for p in range(phases, length + phases, phases) if p >= length or length % p == 0)
        return replace(whole, phases=min(phases, length))

    return Walk(vertical=axis(0, target.height), horizontal=axis(1, target.width), terms=terms)


def _reach(layer: Linear, t: int, *, axis: int) -> Reach:
    term = layer.terms[t]
    return Reach(
        kernel=term.weights.shape[2 + axis],
        stride=term.stride[axis],
        dilation=term.dilation[axis],
        before=term.padding[axis],
        upsample=term.upsample[axis],
        zeros=term.fill == "zeros",
    )


def _agree(stage: Stage, start: list[Walk], single: set[int]) -> Walks | int:
    """The fixpoint, or the first layer that it leaves no more than one pixel of each phase."""
    found = [
        _with_phases(walk, walk.horizontal.size if n in single else walk.horizontal.phases)
        for n, walk in enumerate(start)
    ]
    strides = {tensor.name: 1 for tensor in (*stage.inputs, *stage.made)}
    changed = True
    while changed:
        changed = False
        for n, layer in enumerate(stage.layers):
            if n in single:
                continue
            for t, term in enumerate(layer.terms):
                axis, reach = found[n].horizontal, found[n].terms[t][1]
                step = reach.step(axis)
                agreed = lcm(step, strides[term.source])
                if agreed == step == strides[term.source]:
                    continue
                changed = True
                phases = axis.phases * (agreed // step)
                if phases >= axis.size:
                    return n
                strides[term.source] = agreed
                found[n] = _with_phases(found[n], phases)
    for n, layer in enumerate(stage.layers):
        for term, (_, reach) in zip(layer.terms, found[n].terms, strict=True):
            if n not in single and reach.step(found[n].horizontal) != strides[term.source]:
                raise InternalError("schedule", f"layer '{layer.name}' reads at a stride that is not stored")
    return Walks(layers=tuple(found), strides=strides)


def _with_phases(walk: Walk, phases: int) -> Walk:
    return replace(walk, horizontal=replace(walk.horizontal, phases=phases))
