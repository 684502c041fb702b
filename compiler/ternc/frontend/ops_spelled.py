"""Operators that occur in activations spelled out: comparisons and choices, powers, logarithms, reciprocals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ternc.frontend import spelled, straight
from ternc.frontend.halves import halves
from ternc.frontend.ops_elementwise import ACTIVATION, function
from ternc.frontend.spelled import Steps
from ternc.frontend.straight_steps import as_steps
from ternc.frontend.values import NOTHING, Comparison, Const, Node, Value, View, reals
from ternc.frontend.walk import HostOnlyError, Walk, handles, together
from ternc.network.steps import Add, Branch, Multiply, PerChannel

_BELOW = {"Less": True, "LessOrEqual": True, "Greater": False, "GreaterOrEqual": False}


@handles(*_BELOW, becomes=ACTIVATION)
def compare(walk: Walk, node: Node) -> Value:
    """Whether a value lies below or above a constant: one half of a choice (see `where`)."""
    first, second = walk.value(node, 0), walk.value(node, 1)
    below = _BELOW[node.op]
    if isinstance(first, Const):
        first, second, below = second, first, not below
    if not isinstance(first, View) or not isinstance(second, Const):
        raise _host(walk, node, ": it compares computed values")
    at = walk.spread(node, first, second, "operand")
    equal = node.op.endswith("OrEqual")
    return Comparison(name=node.outputs[0], view=first, at=at, below=below, equal=equal)


@handles("Where", becomes=ACTIVATION)
def where(walk: Walk, node: Node) -> Value:
    """A choice between two functions of the value that is compared: a clip, a leaky ReLU, an ELU ..., spelled out."""
    condition = walk.value(node, 0)
    if not isinstance(condition, Comparison):
        raise _host(walk, node, ": its condition must be a comparison of a computed value with a constant")
    view = condition.view
    sides = [_side(walk, node, view, position) for position in (1, 2)]
    below, above = sides if condition.below else reversed(sides)
    found = None
    if below is not None and above is not None:
        found = spelled.choice(condition.at, below, above, equal_is_below=condition.below == condition.equal)
    if found is None:
        refusal = _host(
            walk, node, ": it chooses between two functions that together are no known activation"
        )
        try:
            return _chosen(walk, node, condition, refusal)
        except HostOnlyError:
            branch = _branch(walk, node, condition)
            if branch is None or walk.ends(node):
                raise
            return branch
    return walk.step(view, node.outputs[0], *found)


def _branch(walk: Walk, node: Node, condition: Comparison) -> View | None:
    """The choice as it stands, between any two functions of the value that is compared or of one in front of it."""
    sides = [walk.value(node, position) for position in (1, 2)]
    view = condition.view
    if np.any(view.index == NOTHING):
        return None
    count = len(view.steps)
    for side in sides:
        if isinstance(side, View):
            shared = spelled.common(side, view)
            if shared is None:
                return None
            count = min(count, shared)
        elif not isinstance(side, Const):
            return None
    base = replace(view, steps=view.steps[:count])
    chains: list[Steps] = []
    for side in sides:
        if isinstance(side, View):
            chains.append(side.steps[count:])
        elif isinstance(side, Const):
            value = walk.spread(node, view, side, "operand")
            chains.append((Multiply(factor=np.zeros(1)), Add(addend=value)))
    below, above = chains if condition.below else reversed(chains)
    step = Branch(
        test=view.steps[count:],
        at=condition.at,
        equal_is_below=condition.below == condition.equal,
        below=below,
        above=above,
    )
    return walk.step(base, node.outputs[0], step)


def _chosen(walk: Walk, node: Node, condition: Comparison, refusal: HostOnlyError) -> Value:
    """The choice between two functions of straight pieces, of the value that is compared or of one in front of it."""
    sides = [walk.value(node, position) for position in (1, 2)]
    found = halves(walk.build, condition.view, *(side for side in sides if not isinstance(side, Const)))
    if found is None:
        raise refusal
    computed = iter(found.functions[1:])
    parts = []
    for side in sides:
        part = (
            straight.constant(walk.spread(node, found.view, side, "operand", infinite=True))
            if isinstance(side, Const)
            else next(computed)
        )
        if part is None:
            raise refusal
        parts.append(part)
    inside = straight.indicator(condition.at, below=condition.below, equal=condition.equal)
    truth = straight.over(inside, found.functions[0])
    functions = None if truth is None else straight.chosen(truth, *parts)
    if functions is None or (walk.ends(node) and as_steps(functions) is None):
        raise refusal
    return together(node.outputs[0], found.view, functions, refusal)


def _side(walk: Walk, node: Node, view: View, position: int) -> Steps | PerChannel | None:
    """What a side of a choice applies to the value that is compared; None where it is something else."""
    match walk.value(node, position):
        case Const() as const:
            return walk.spread(node, view, const, "operand", infinite=True)
        case View() as side if spelled.common(side, view) == len(view.steps):
            return side.steps[len(view.steps) :]
        case _:
            return None


@handles("Not", becomes=ACTIVATION)
def negation(walk: Walk, node: Node) -> Value:
    """The opposite of a comparison."""
    value = walk.value(node, 0)
    if not isinstance(value, Comparison):
        raise _host(walk, node, ": it must be that of a comparison of a computed value with a constant")
    return replace(value, name=node.outputs[0], below=not value.below, equal=not value.equal)


@handles("Log", becomes=ACTIVATION, elementwise=True)
def log(walk: Walk, node: Node) -> Value:
    """The logarithm of a Softplus spelled out."""
    view = walk.view(node)
    return _stepped(walk, node, view, spelled.logarithm(view.steps))


@handles("Reciprocal", becomes=ACTIVATION, elementwise=True)
def reciprocal(walk: Walk, node: Node) -> Value:
    """The reciprocal of a sigmoid spelled out."""
    view = walk.view(node)
    return _stepped(walk, node, view, spelled.reciprocal(view.steps))


@handles("Pow", becomes=ACTIVATION, elementwise=True)
def power(walk: Walk, node: Node) -> Value:
    """Squares and cubes."""
    view, exponent = walk.value(node, 0), walk.value(node, 1)
    if not isinstance(view, View) or not isinstance(exponent, Const) or exponent.array.size != 1:
        raise _host(walk, node, ": it must be a power of a computed value with one constant exponent")
    kinds = {1.0: (), 2.0: (function("square"),), 3.0: (function("cube"),)}
    found = kinds.get(float(reals(exponent.array).ravel()[0]))
    return _stepped(walk, node, view, None if found is None else (*view.steps, *found))


def _stepped(walk: Walk, node: Node, view: View, steps: Steps | None) -> View:
    if steps is None:
        raise _host(walk, node, ": it has no integer form here")
    return replace(view, name=node.outputs[0], steps=steps)


def _host(walk: Walk, node: Node, text: str) -> HostOnlyError:
    return HostOnlyError(
        walk.refuse(node, text).sentence,
        help="use the activation's own operator (Clip, LeakyRelu, Elu, Softplus, Sigmoid ...), or move it behind the "
        "network's last layer",
    )
