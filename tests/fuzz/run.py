"""Running many drawn networks: seeds, statistics, and what is left of a failure.

Every network has a number, its seed, which is all that it depends on. hypothesis shrinks what fails: with the golden
model as often as it likes, in simulation a bounded number of times.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from fuzz import check
from fuzz.check import Failure, Hardware
from fuzz.graphs import Case, networks
from fuzz.seeds import BACKEND, Seeded, expect

NETWORKS = int(os.environ.get("TERNC_FUZZ", "50"))
FIRST = int(os.environ.get("TERNC_FUZZ_SEED", "51"))
SIMULATED = os.environ.get("TERNC_FUZZ_RTL", "1") != "0"
BLOCK = 5 if NETWORKS <= 100 else 25
"""Networks of one test, which is what workers share."""

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "fuzz"
SHRINKS_IN_SIMULATION = 40
"""Simulations that shrink one failure of the RTL."""


@dataclass(slots=True, kw_only=True)
class Statistics:
    """What a block of networks was.

    Attributes:
        features: In how many networks each was drawn.
        refusals: Sentences without the names in them, and how often.
    """

    networks: int = 0
    refused: int = 0
    constant: int = 0
    borders: int = 0
    simulated: int = 0
    features: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)

    def add(self, case: Case, verdict: check.Verdict) -> None:
        """Count a network."""
        self.networks += 1
        self.features.update(set(case.features))
        self.constant += verdict.constant
        self.borders += verdict.borders > 0
        if verdict.refused:
            self.refused += 1
            self.refusals[next(part for part in check.REFUSALS if part in verdict.refused)] += 1

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fields = {name: getattr(self, name) for name in Statistics.__slots__}
        path.write_text(json.dumps(fields, indent=1, sort_keys=True) + "\n")

    @staticmethod
    def total(folder: Path) -> Statistics:
        """The sum of all blocks in a folder."""
        found = Statistics()
        for path in sorted(folder.glob("block-*.json")):
            for name, value in json.loads(path.read_text()).items():
                if isinstance(value, int):
                    setattr(found, name, getattr(found, name) + value)
                else:
                    getattr(found, name).update(value)
        return found


@dataclass(slots=True, kw_only=True)
class Judge:
    """Judges networks, and remembers what failed, so that shrinking costs a bounded number of simulations.

    Attributes:
        scratch: For models and builds.
        simulate: Whether networks are run as RTL.
        hardware: Of the network being judged; that of a failure stays while it shrinks.
        failed: Text of failures by digest of the model.
        passed: Digests of models that passed, or that were not tried any more.
        smallest: Nodes and bytes of the failing model that is kept.
        shrinks: Simulations since the first failure.
    """

    scratch: Path
    simulate: bool
    statistics: Statistics = field(default_factory=Statistics)
    hardware: Hardware | None = None
    failed: dict[str, Failure] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    smallest: tuple[int, int] | None = None
    shrinks: int = 0
    seed: int = 0

    def judge(self, case: Case) -> None:
        """Judge one network.

        Raises:
            Failure: It is not in order; the model is in `RESULTS`, smaller each time.
        """
        digest = hashlib.sha256(case.model.SerializeToString(deterministic=True)).hexdigest()
        if Seeded.latest is not None and not self.failed:
            self.seed, self.hardware = Seeded.latest, Hardware.of(Seeded.latest)
        elif not self.failed:
            return  # what hypothesis tries on its own account
        assert self.hardware is not None
        if digest in self.passed:
            return
        if digest not in self.failed:
            try:
                self._judge(case, self.hardware)
            except Failure as failure:
                self.failed[digest] = failure
                self._keep(case, failure)
            else:
                self.passed.add(digest)
                return
        # from one place, for what is raised elsewhere is another failure to hypothesis
        raise self.failed[digest].with_traceback(None)

    def _judge(self, case: Case, hardware: Hardware) -> None:
        shrinking = bool(self.failed)
        in_simulation = shrinking and next(iter(self.failed.values())).kind == "RTL"
        path = self.scratch / "drawn.onnx"
        try:
            verdict = check.golden(case, path)
        except Failure:
            if in_simulation:
                return  # another failure than the one that is shrinking
            raise
        if not shrinking:
            self.statistics.add(case, verdict)
        if verdict.refused or not self.simulate or (shrinking and not in_simulation):
            return
        self.shrinks += shrinking
        if self.shrinks <= SHRINKS_IN_SIMULATION:
            check.rtl(path, self.scratch, hardware)
            self.statistics.simulated += not shrinking

    def _keep(self, case: Case, failure: Failure) -> None:
        """The failing model where a user finds it if it is the smallest so far, and how to run it again."""
        assert self.hardware is not None
        size = len(case.model.graph.node), case.model.ByteSize()
        if self.smallest is not None and self.smallest <= size:
            return
        self.smallest = size
        RESULTS.mkdir(parents=True, exist_ok=True)
        path = RESULTS / f"failure-{self.seed}.onnx"
        path.write_bytes((self.scratch / "drawn.onnx").read_bytes())
        shown = path.relative_to(ROOT)
        compiled, verified = self.hardware.options
        path.with_suffix(".txt").write_text(
            f"network {self.seed}, smaller: {shown}\n"
            f"{failure.kind}: {failure}\n"
            f"again: ternc {shown} {compiled} -o build/fuzz/again && ternc verify build/fuzz/again {verified}\n"
            f"as drawn: make fuzz N=1 SEED={self.seed}\n"
        )


def run(first: int, count: int, scratch: Path, *, simulate: bool = SIMULATED) -> Statistics:
    """Judge networks ``first .. first + count - 1``.

    Raises:
        AssertionError: One is not in order; where its smaller form is, and how it is run again.
    """
    judge = Judge(scratch=scratch, simulate=simulate)

    @seed(first)  # of the order in which shrinking tries things
    @settings(
        backend=BACKEND,
        max_examples=count + 1,  # hypothesis begins with an example of its own
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(networks())
    def judged(case: Case) -> None:
        judge.judge(case)

    try:
        expect(first, count)
        judged()
    except Failure as failure:
        report = RESULTS / f"failure-{judge.seed}.txt"
        raise AssertionError(f"\n{report.read_text()}") from failure
    return judge.statistics
