"""Rules of the house that neither ruff nor import-linter can see."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

import ternc
from ternc.resources import folder

PACKAGE = Path(ternc.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def called(tree: ast.AST) -> set[str]:
    """Dotted names of everything that a module calls."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("path", [path for path in MODULES if PACKAGE / "cli" not in path.parents], ids=name)
def test_only_the_command_line_prints_or_exits(path: Path) -> None:
    calls = called(ast.parse(path.read_text(encoding="utf-8")))
    assert not calls & {"print", "input", "exit", "quit", "sys.exit", "os._exit", "SystemExit"}
    assert not {call for call in calls if call.startswith(("sys.stdout", "sys.stderr"))}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_module_raises_a_bare_exception(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    raised = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc is not None]
    named = {ast.unparse(error.func if isinstance(error, ast.Call) else error) for error in raised}
    assert not named & {"Exception", "BaseException", "RuntimeError"}


@pytest.mark.parametrize("kind", ["templates", "hw", "sim"])
def test_the_folders_beside_the_package_are_found(kind: str) -> None:
    assert folder(kind).is_dir()  # type: ignore[arg-type]


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of every absolute import, wherever it stands in the module."""
    whole = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    } | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {module.split(".")[0] for module in whole}


def test_a_plain_install_brings_everything_that_the_package_imports() -> None:
    # Plugins run inside other programs.
    own = [path for path in MODULES if PACKAGE / "plugins" not in path.parents]
    used = set().union(*(imported(ast.parse(path.read_text(encoding="utf-8"))) for path in own))
    foreign = used - sys.stdlib_module_names - {"ternc"}
    plain = {re.split("[<>=]", requirement)[0] for requirement in PROJECT["dependencies"]}
    assert foreign <= plain


def test_all_extras_of_a_user_are_in_all() -> None:
    extras = PROJECT["optional-dependencies"]
    assert extras["all"] == [f"ternc[{','.join(name for name in extras if name not in ('all', 'dev'))}]"]
