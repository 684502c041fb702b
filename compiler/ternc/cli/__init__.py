"""The command ``ternc``: reads arguments, calls the library, prints, and decides the exit code.

Exit codes: 0 done; 1 refused, mismatch, or a bug in ternc (its sentence says which); 2 wrong usage;
130 interrupted. With ``--json`` standard output is exactly one JSON document, also when something goes
wrong: ``{"error": sentence, "help": way out}``.
"""

from __future__ import annotations

import click

from ternc.cli.activity import activity_command
from ternc.cli.check import check_command
from ternc.cli.compare import compare_command
from ternc.cli.compile import compile_command
from ternc.cli.group import Ternc
from ternc.cli.predict import predict_command
from ternc.cli.schedule import schedule_command
from ternc.cli.synth import synth_command
from ternc.cli.targets import targets_command
from ternc.cli.verify import verify_command
from ternc.version import __version__


@click.group(cls=Ternc, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="ternc %(version)s")
def main() -> None:
    r"""Compile a trained ternary network from ONNX to SystemVerilog that computes the same bits.

    \b
    ternc MODEL.onnx --target arria10    compile it (the same as: ternc compile MODEL.onnx ...)
    ternc check MODEL.onnx               only say what it is
    ternc verify build/MODEL             prove golden = RTL = ONNX
    ternc predict build/MODEL x.npy -o y.npy
    ternc synth build/MODEL              to a bitstream, with the tools that are here
    ternc activity build/MODEL           toggle rates for the vendor's power analysis
    """


for command in (
    compile_command,
    schedule_command,
    check_command,
    verify_command,
    predict_command,
    synth_command,
    activity_command,
    compare_command,
    targets_command,
):
    main.add_command(command)
