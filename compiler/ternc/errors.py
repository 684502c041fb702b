"""The one kind of error a user sees, and the one that says ternc itself is wrong."""

from __future__ import annotations


class TerncError(Exception):
    """A refusal: where, what must hold, what was found, and what to do about it.

    Args:
        sentence: One sentence that names the place, the requirement and the finding.
        help: The way out, without a trailing full stop; empty when there is none to name.
    """

    def __init__(self, sentence: str, *, help: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.help = help

    def __str__(self) -> str:
        return f"{self.sentence}\n  help: {self.help}" if self.help else self.sentence


class ModelError(TerncError):
    """The ONNX file, or one node of it, cannot become an integer Network."""


class ScheduleError(TerncError):
    """The Network does not fit the device, or the wished-for array cannot run it."""


class BuildError(TerncError):
    """A build directory is missing, damaged, or not ours to touch."""


class DataError(TerncError):
    """An array given by the user has the wrong shape, type or range."""


class ToolError(TerncError):
    """A program that ternc calls is missing or failed."""


class InternalError(Exception):
    """A bug in ternc: a law that a stage promised does not hold.

    Args:
        stage: The stage that broke its promise, for example ``"schedule"``.
        sentence: What does not hold.
    """

    def __init__(self, stage: str, sentence: str) -> None:
        super().__init__(f"ternc has a bug in its {stage} stage: {sentence}")
        self.stage = stage
