"""The text form, whole."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from networks import assemble

from ternc.network.layers import IntRange, Linear, Pool, Staircase, Tensor
from ternc.network.steps import Add, Clamp, Divide, Multiply, Normalise, Round, Sign, Step
from ternc.network.text import network_text, step_text
from ternc.passes import run

FIRST = Tensor(name="in", channels=2, height=4, width=4, range=IntRange(low=-2, high=1))
CONV = Linear(
    name="conv1",
    kind="conv",
    source="in",
    target="conv1_out",
    trits=np.array([1, -1, 0, 1] * 9, np.int8).reshape(2, 2, 3, 3),
    padding=(1, 1, 1, 1),
    activation=Staircase(
        thresholds=np.array([[-3, 0, 3], [-5, 1, 7]]),
        low=0,
        borders=("channel 0, step 1: border 0 at accumulator 0",),
    ),
    pool=Pool(kernel=(2, 2), stride=(2, 2), minimum=(False, True)),
)
DENSE = Linear(
    name="fc", kind="dense", source="conv1_out", target="fc_out", trits=np.ones((3, 2, 2, 2), np.int8)
)

TEXT = """\
network random
input 'x' float32[2, 4, 4] -> 'in' 2x4x4 -2..1, declared
  real = 1.0 * x + 0.0, gather in order
conv 'conv1': 'in' 2x4x4 -2..1 -> 'conv1_out' 2x2x2 0..3
  trits 2x2x3x3 #, density 0.7500, 576 macs, accumulator -23..19
  window 3x3, padding 1,1,1,1
  staircase 0..3 #, multiply 5..10 #, add 61..66 #, shift 5
    border: channel 0, step 1: border 0 at accumulator 0
  pool maximum (minimum in 1 channels) 2x2, stride 2x2
dense 'fc': 'conv1_out' 2x2x2 0..3 -> 'fc_out' 3x1x1 0..24
  trits 3x2x2x2 #, density 1.0000, 24 macs, accumulator 0..24
  raw accumulators
output 'y' float32[3, 1, 1] <- 'fc_out', gather in order
  real = 1.0 * x + 0.0
"""


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
