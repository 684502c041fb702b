"""The write ports of the feature memory and the output memories: which writes have to come in which cycle."""

from __future__ import annotations

from collections.abc import Mapping

from rtl_play import pack, unpack
from rtl_steps import Steps


class WritePorts:
    """Expects writes and checks that exactly these come.

    Args:
        steps: The module under test: ternc_writer, or ternc_collector with one inside.
        parameters: Of the module.
        words: Feature words of one vector.
    """

    def __init__(self, steps: Steps, parameters: Mapping[str, int], words: int) -> None:
        self.steps = steps
        self.p = parameters
        self.words = words
        self.features: dict[int, dict[str, int]] = {}
        self.outputs: dict[int, dict[str, int]] = {}

    def expect_output(self, cycle: int, output: int, addr: int, vector: int) -> None:
        """A vector as one word of an output memory."""
        self.outputs[cycle] = {
            "output_en_o": 1 << output,
            "output_addr_o": addr % (1 << self.p["OutputAddrBits"]),
            "output_data_o": vector,
        }

    def expect_features(self, cycle: int, addr: int, bank: int, slice_: int, plane: int, vector: int) -> None:
        """A vector as words of the feature memory: in one of the slices, or in successive planes."""
        p = self.p
        codes = unpack(vector, p["ValueBits"], p["Cols"])
        codes += [0] * (self.words * p["SliceLanes"] - len(codes))
        for word in range(self.words):
            mine = pack(codes[word * p["SliceLanes"] : (word + 1) * p["SliceLanes"]], p["FeatureBits"])
            self.features[cycle + word] = {
                "feature_en_o": 1 << slice_ if self.words == 1 else 1,
                "feature_bank_o": bank,
                "feature_addr_o": (addr + word * plane) % (1 << p["FeatureAddrBits"]),
                "feature_data_o": pack([mine] * p["Slices"], p["SliceLanes"] * p["FeatureBits"]),
            }

    def check(self) -> None:
        """The ports in this cycle; address and data count only with their enable."""
        cycle = self.steps.cycle
        output, feature = self.outputs.pop(cycle, None), self.features.pop(cycle, None)
        self.steps.check(**(output or {"output_en_o": 0}))
        self.steps.check(**(feature or {"feature_en_o": 0}))
