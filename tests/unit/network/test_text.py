"""The text form, whole."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from networks import assemble

from ternc.network.layers import Anomaly, IntRange, Linear, Pool, Staircase, Tensor, Term
from ternc.network.steps import Add, Clamp, Divide, Function, Multiply, Normalise, Round, Sign, Step
from ternc.network.text import network_text, step_text
from ternc.passes import run

FIRST = Tensor(name="in", channels=2, height=4, width=4, range=IntRange(low=-2, high=1))
CONV = Linear(
    name="conv1",
    kind="conv",
    terms=(
        Term(
            source="in",
            weights=np.array([1, -1, 0, 1] * 9, np.int32).reshape(2, 2, 3, 3),
            padding=(1, 1, 1, 1),
        ),
    ),
    target="conv1_out",
    activation=Staircase(
        thresholds=np.array([[-3, 0, 3], [-5, 1, 7]]),
        low=0,
        borders=("channel 0, step 1: border 0 at accumulator 0",),
    ),
    pool=Pool(kernel=(2, 2), stride=(2, 2), minimum=(False, True)),
)
DENSE = Linear(
    name="fc",
    kind="dense",
    terms=(Term(source="conv1_out", weights=np.ones((3, 2, 2, 2), np.int32)),),
    target="fc_out",
)

TEXT = """\
network random
input 'x' float32[2, 4, 4] -> 'in' 2x4x4 -2..1, declared
  real = 1.0 * x + 0.0, gather in order
conv 'conv1' -> 'conv1_out' 2x2x2 0..3
  'in' 2x4x4 -2..1: ternary 2x2x3x3 #, padding 1,1,1,1
  576 macs, density 0.7500, accumulator -23..19
  staircase 0..3 #, multiply 5..10 #, add 61..66 #, shift 5
    border: channel 0, step 1: border 0 at accumulator 0
  pool maximum (minimum in 1 channels) 2x2, stride 2x2
dense 'fc' -> 'fc_out' 3x1x1 0..24
  'conv1_out' 2x2x2 0..3: ternary 3x2x2x2 #
  24 macs, density 1.0000, accumulator 0..24
  raw accumulators
output 'y' float32[3, 1, 1] <- 'fc_out', gather in order
  real = 1.0 * x + 0.0
"""


WIDE = Linear(
    name="up",
    kind="conv",
    terms=(
        Term(
            source="in",
            weights=np.array([[-3, 1], [0, 2]] * 4, np.int32).reshape(2, 2, 2, 2),
            padding=(0, -1, 1, 0),
            stride=(2, 1),
            dilation=(1, 2),
            upsample=(2, 2),
            fill="zeros",
        ),
        Term(
            source="other",
            weights=np.array([1, -1], np.int32).reshape(2, 1, 1, 1),
            groups=2,
            padding=(0, 0, 0, -3),
            upsample=(1, 2),
        ),
    ),
    target="up_out",
    activation=Staircase(thresholds=np.array([[0, 9], [-5, 1]]), low=-1, table=np.array([2, -1, 5])),
    pool=Pool(kernel=(2, 2), stride=(1, 1), minimum=(False, False), padding=(1, 0, 0, 1), dilation=(2, 1)),
)
JUDGED = Linear(
    name="judged",
    kind="sub",
    terms=(Term(source="in", weights=np.ones((1, 2, 1, 1), np.int32)),),
    target="errors",
)

WIDE_TEXT = """\
network random
input 'x0' float32[2, 4, 4] -> 'in' 2x4x4 -2..1, declared
  real = 1.0 * x + 0.0, gather in order
input 'x1' float32[2, 4, 4] -> 'other' 2x4x4 0..1, declared
  real = 1.0 * x + 0.0, gather in order
conv 'up' -> 'up_out' 2x3x5 -1..5
  'in' 2x4x4 -2..1: 3-bit 2x2x2x2 #, stride 2x1, padding 0,-1,1,0, dilation 1x2, enlarged 2x2 with zeros
  'other' 2x4x4 0..1: ternary 2x1x1x1 #, padding 0,0,0,-3, groups 2, enlarged 1x2 with copies
  104 macs, density 0.7778, accumulator -11..15
  staircase -1..5 #, table of 3 levels #, thresholds
  pool maximum 2x2, stride 1x1, padding 1,0,0,1, dilation 2x1
sub 'judged' -> 'errors' 1x4x4 -4..2
  'in' 2x4x4 -2..1: ternary 1x2x1x1 #
  32 macs, density 1.0000, accumulator -4..2
  raw accumulators
output 'y' float32[2, 3, 5] <- 'up_out', gather in order
  real = 1.0 * x + 0.0
anomaly <- 'errors', score = sum of (1 * x + -3)^2, real error = 0.125 * score
  flag above 40, error at most 0.0
epilogue on the host, 3 bytes #
"""


def test_the_whole_text_of_the_rarer_things() -> None:
    other = replace(FIRST, name="other", range=IntRange(low=0, high=1))
    judge = Anomaly(
        tensor="errors",
        factor=np.array([1]),
        offset=np.array([-3]),
        measure="squares",
        unit=0.125,
        error=0.0,
        limit=40,
    )
    network = replace(assemble((FIRST, other), (WIDE, JUDGED), anomaly=judge), epilogue=b"abc")
    assert re.sub(r"#[0-9a-f]{12}\b", "#", network_text(network)) == WIDE_TEXT
    assert "sum of |1 * x + -3|" in network_text(replace(network, anomaly=replace(judge, measure="absolute")))


def test_the_whole_text() -> None:
    text = network_text(run(assemble(FIRST, (CONV, DENSE))))
    assert re.sub(r"#[0-9a-f]{12}\b", "#", text) == TEXT


def test_each_step_has_a_line() -> None:
    one = np.array([0.5])
    steps: dict[str, Step] = {
        "add -1.0": Add(addend=np.array([-1.0])),
        "multiply 0.5": Multiply(factor=one),
        "divide 0.5": Divide(divisor=np.array([0.5, 0.5])),
        "clamp 0.0..inf": Clamp(low=np.array([0.0]), high=np.array([np.inf])),
        "round half_up": Round(mode="half_up"),
        "sign with 1 at 0": Sign(zero=1),
        "leaky alpha 0.5": Function(kind="leaky", alpha=one),
        "tanh": Function(kind="tanh"),
        "normalise mean 0.5 variance 0.5 gain 0.5 bias 0.5 epsilon 0.001": Normalise(
            mean=one, variance=one, epsilon=0.001, gain=one, bias=one
        ),
    }
    for text, step in steps.items():
        assert step_text(step) == text
    assert step_text(Add(addend=np.array([1.0, 2.0]))).startswith("add 2 values 1.0..2.0 #")


def test_an_argmax_says_so() -> None:
    net = assemble(FIRST, (CONV, DENSE), argmax=True)
    assert "  argmax over channels, keys #" in network_text(net)
    assert network_text(net) == network_text(replace(net))
