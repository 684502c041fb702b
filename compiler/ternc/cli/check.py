"""``ternc check``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ternc.cli.arguments import common, input_quant_option
from ternc.cli.terminal import Detail, Terminal
from ternc.report.table import Table, columns, count, percent

if TYPE_CHECKING:
    from ternc.frontend import CheckReport
    from ternc.frontend.input_quant import InputQuant


@click.command("check")
@click.argument("model", type=click.Path(path_type=Path))
@input_quant_option
@common
def check_command(terminal: Terminal, model: Path, input_quant: InputQuant | None) -> int:
    """Say what MODEL is, layer by layer, and whether it can be compiled; nothing is written."""
    from ternc import pipeline
    from ternc.network.text import network_text
    from ternc.report import exactness

    found = pipeline.check(model, input_quant)
    proved = pipeline.proved(found.network) if found.network is not None else None
    shown: list[Table | str] = [_layer_table(found)] if found.layers else []
    if terminal.detail >= Detail.VERBOSE:
        shown.append(_node_table(found))
        shown += exactness.to_table(proved) if proved else []
        shown += ["", network_text(found.network).rstrip()] if found.network else []
    if found.supported:
        shown.append(f"\n{found.file} can be compiled")
    shown += [exactness.to_sentence(proved)] if proved else []
    document = _check_document(found) | {"exactness": exactness.to_dict(proved) if proved else None}
    terminal.result(document, shown)
    if not terminal.as_json:
        for obstacle in found.obstacles:
            terminal.error(obstacle.sentence, obstacle.help)
    return 0 if found.supported else 1


def _check_document(found: CheckReport) -> dict[str, Any]:
    """What ``ternc check --json`` prints; with ``error`` and ``help`` of the first obstacle if there is one."""
    obstacles = [asdict(obstacle) for obstacle in found.obstacles]
    refusal = {"error": obstacles[0]["sentence"], "help": obstacles[0]["help"]} if obstacles else {}
    layers, nodes = ([asdict(row) for row in rows] for rows in (found.layers, found.nodes))
    return refusal | {
        "file": found.file,
        "supported": found.supported,
        "layers": layers,
        "nodes": nodes,
        "obstacles": obstacles,
    }


def _layer_table(found: CheckReport) -> Table:
    unknown = "raw" if found.supported else "?"
    rows = tuple(
        (
            layer.name,
            layer.op,
            "yes" if layer.ternary else "no",
            count(layer.weights),
            percent(layer.density),
            "?" if layer.weight_bits is None else str(layer.weight_bits),
            "?" if layer.input_bits is None else str(layer.input_bits),
            unknown if layer.output_bits is None else str(layer.output_bits),
        )
        for layer in found.layers
    )
    headings = columns("layer", "op", "ternary", ">weights", ">density", ">weight bits", ">in", ">out")
    return Table(
        title=f"Layers of {found.file}", columns=headings, rows=rows, notes=("in, out: bits of a value.",)
    )


def _node_table(found: CheckReport) -> Table:
    rows = tuple((node.name, node.op, node.becomes) for node in found.nodes)
    return Table(title="Nodes", columns=columns("node", "op", "becomes"), rows=rows)
