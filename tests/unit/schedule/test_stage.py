"""What a cut makes of a network: which tensors come, stay and leave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from cuts import cuts
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import assemble, networks

from ternc.network.layers import IntRange, Linear, Network, Tensor, Term
from ternc.schedule.stage import Stage, cut, writer


def names(tensors: Sequence[Tensor]) -> list[str]:
    """Of tensors."""
    return [tensor.name for tensor in tensors]


def tensor(name: str) -> Tensor:
    """Two channels, three by four."""
    return Tensor(name=name, channels=2, height=3, width=4, range=IntRange(low=-1, high=1))


def layer(name: str, *sources: str) -> Linear:
    """The raw sum of its sources."""
    eye = np.eye(2, dtype=np.int32)[:, :, None, None]
    return Linear(
        name=name,
        kind="add",
        terms=tuple(Term(source=source, weights=eye) for source in sources),
        target=f"{name}_out",
    )


def residual() -> Network:
    """x -> a -> b -> c(b, a, x) -> d(c, y); z is read by nobody. All but the last pretend to have codes."""
    made = [
        layer("a", "x"),
        layer("b", "a_out"),
        layer("c", "b_out", "a_out", "x"),
        layer("d", "c_out", "y"),
    ]
    return assemble([tensor("x"), tensor("y"), tensor("z")], made)


def test_a_residual_branch_goes_past_the_engines_that_do_not_read_it() -> None:
    network = residual()
    first, second, third, last = cut(network, [1, 1, 1, 1])
    assert [names(stage.inputs) for stage in (first, second, third, last)] == [
        ["x"],
        ["a_out"],
        ["x", "a_out", "b_out"],
        ["y", "z", "c_out"],
    ]
    assert [names(stage.sent) for stage in (first, second, third, last)] == [
        ["a_out"],
        ["b_out"],
        ["c_out"],
        ["d_out"],
    ]
    assert not first.inner + second.inner + third.inner + last.inner


def test_what_is_read_inside_and_outside_stays_and_leaves() -> None:
    first, last = cut(residual(), [2, 2])
    assert (names(first.inputs), names(first.inner), names(first.sent)) == (
        ["x"],
        ["a_out"],
        ["a_out", "b_out"],
    )
    assert (names(last.inputs), names(last.inner)) == (["x", "y", "z", "a_out", "b_out"], ["c_out"])


def test_an_input_that_nobody_reads_comes_to_the_last_engine_which_takes_it() -> None:
    (whole,) = cut(residual(), [4])
    assert names(whole.inputs) == ["x", "y", "z"]
    assert whole.readers("z") == [3]
    assert whole.readers("x") == [0, 2]
    assert whole.readers("a_out") == [1, 2]


@settings(max_examples=80, deadline=None)
@given(networks(), st.data())
def test_every_tensor_of_any_cut_is_made_once_and_comes_to_whoever_reads_it(
    network: Network, data: st.DataObject
) -> None:
    chosen = data.draw(cuts(network))
    stages = cut(network, [engine.layers for engine in chosen if isinstance(engine.layers, int)])
    assert [one for stage in stages for one in stage.layers] == list(network.layers)
    made = [name for stage in stages for name in names(stage.made)]
    assert made == [one.target for one in network.layers]
    for stage in stages:
        agrees_with_definition(network, stages, stage)
    came = [name for stage in stages for name in names(stage.inputs)]
    assert {one.name for one in network.input_tensors} <= set(came), "every port has a reader"
    assert sum(stage.scored for stage in stages) == (network.anomaly is not None)
    outputs = [output.name for stage in stages for output in stage.outputs]
    assert sorted(outputs) == sorted(output.name for output in network.outputs)
    for one in network.layers:
        assert writer(network, one.target) is one


def agrees_with_definition(network: Network, stages: Sequence[Stage], stage: Stage) -> None:
    """Inputs, inner and sent tensors, one by one."""
    made = set(names(stage.made))
    known = {source for one in network.layers for source in one.sources}
    for one in network.tensors:
        read_here = any(one.name in layer.sources for layer in stage.layers)
        read_there = any(
            one.name in layer.sources for other in stages if other is not stage for layer in other.layers
        )
        lost = one.name not in known and one in network.input_tensors and stage is stages[-1]
        assert (one in stage.inputs) == (one.name not in made and (read_here or lost))
        assert (one in stage.inner) == (one.name in made and read_here)
        assert (one in stage.sent) == (one.name in made and (read_there or one.name in network.leaving))
