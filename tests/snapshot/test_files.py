"""Small emitted files, compared with the stored ones.

After a change that is meant: ``TERNC_UPDATE=1 python -m pytest tests/snapshot`` and look at the difference.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

from zoo import compiled

STORED = Path(__file__).parent / "stored"
FILES = {
    "digits_brevitas_mlp.qcdq_legacy": (
        "rtl/digits_brevitas_mlp_qcdq_legacy.sv",
        "rtl/digits_brevitas_mlp_qcdq_legacy_engine0.sv",
        "report/performance.txt",
        "report/exactness.txt",
        "design.json",
    ),
    "ecg_ae_conv1d.qdq_int4": (
        "rtl/ecg_ae_conv1d_qdq_int4_engine0.sv",
        "rtl/mem/e0_xmap.mem",
        "rtl/mem/e0_rows.mem",
        "rtl/mem/e0_place_0.mem",
    ),
}


@pytest.mark.parametrize("model", FILES)
def test_emitted_files_are_as_stored(model: str, tmp_path: Path) -> None:
    build = compiled(model, tmp_path / "build", "2x2x4")
    for name in FILES[model]:
        made = (build.path / name).read_text()
        stored = STORED / model / Path(name).name
        if "TERNC_UPDATE" in os.environ:
            stored.parent.mkdir(parents=True, exist_ok=True)
            stored.write_text(made)
        wanted = stored.read_text()
        change = difflib.unified_diff(
            wanted.splitlines(), made.splitlines(), "stored", "made", lineterm="", n=1
        )
        assert made == wanted, (
            "\n".join(change) + "\nif this is meant: TERNC_UPDATE=1 python -m pytest tests/snapshot"
        )
