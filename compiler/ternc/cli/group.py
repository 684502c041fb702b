"""The group of commands: which one is meant, and every error as a sentence and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from ternc.cli.terminal import Detail, Terminal
from ternc.errors import InternalError, TerncError

_DEFAULT = "compile"
_FLAGS_OF_ALL = frozenset({"--json", "-q", "--quiet", "-v", "--verbose"})


class Ternc(click.Group):
    """A group whose default command is ``compile``, and which turns every error into a sentence."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """``ternc model.onnx ...`` means ``ternc compile model.onnx ...``."""
        args = args or ["--help"]
        lead = [arg for arg in args if arg not in _FLAGS_OF_ALL][:1]
        if lead and lead[0] in self.commands:
            args = [lead[0], *args[: args.index(lead[0])], *args[args.index(lead[0]) + 1 :]]
        elif lead and lead[0] not in ("-h", "--help", "--version"):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        """Run a command line and exit with its code."""
        arguments = list(sys.argv[1:] if args is None else args)
        detail = Detail.VERBOSE if {"-v", "--verbose"} & set(arguments) else Detail.NORMAL
        terminal = Terminal(as_json="--json" in arguments, detail=detail)
        options["standalone_mode"] = False
        sys.exit(_guarded(lambda: super(Ternc, self).main(arguments, *more, **options), terminal))


def _guarded(run: Callable[[], Any], terminal: Terminal) -> int:
    """The exit code of ``run``: what it returns, else that of the error it raises, which is said."""
    try:
        return int(run() or 0)
    except click.UsageError as error:
        return _usage(error, terminal)
    except (click.Abort, KeyboardInterrupt):
        terminal.error("interrupted", "")
        return 130
    except TerncError as error:
        terminal.error(error.sentence, error.help)
    except OSError as error:
        if error.errno == errno.EPIPE:
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - nobody reads on; stay quiet at exit
        else:
            terminal.error(_system_sentence(error), "")
    except Exception as error:  # noqa: BLE001 - whatever is left is a bug of ours, and is called one
        terminal.error(
            _bug_sentence(error), "run it again with -v for the traceback, and report it with the model"
        )
        terminal.trace(error)
    return 1


def _usage(error: click.UsageError, terminal: Terminal) -> int:
    command = error.ctx.command_path if error.ctx else "ternc"
    terminal.error(error.format_message(), f"{command} --help")
    return error.exit_code


def _system_sentence(error: OSError) -> str:
    """What the operating system refused, and where."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def _bug_sentence(error: Exception) -> str:
    """Says that it is a bug and in which stage: the last of our modules that the traceback went through."""
    if isinstance(error, InternalError):
        return str(error)
    stage, trace = "cli", error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", "")).split(".")
        stage = module[1] if module[0] == "ternc" and len(module) > 1 else stage
        trace = trace.tb_next
    text = " ".join(str(error).split())
    return f"ternc has a bug in its {stage} stage: {type(error).__name__}{': ' if text else ''}{text}"
