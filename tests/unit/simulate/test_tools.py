from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ternc.errors import ToolError
from ternc.simulate import tools


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ternc" / "kind"


def test_cached_makes_once() -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "file").write_text("content")

    first = tools.cached("kind", ["a", "b"], make)
    assert tools.cached("kind", ["a", "b"], make) == first
    assert (first / "file").read_text() == "content"
    assert len(made) == 1
    assert tools.cached("kind", ["ab", ""], make) != first


def test_a_failed_make_leaves_nothing(own_cache: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise ToolError("no")

    with pytest.raises(ToolError):
        tools.cached("kind", ["a"], fail)
    assert list(own_cache.iterdir()) == []


def test_two_makers_at_once_agree(own_cache: Path) -> None:
    barrier = threading.Barrier(2)
    found: list[Path] = []

    def make(folder: Path) -> None:
        barrier.wait(10)
        (folder / "file").write_text("content")

    threads = [threading.Thread(target=lambda: found.append(tools.cached("kind", ["a"], make))) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert [path.name for path in own_cache.iterdir()] == [found[0].name]


def test_the_oldest_entries_are_dropped(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_CACHE_ENTRIES", 2)
    kept = [tools.cached("kind", [str(i)], lambda folder: None) for i in range(4)][-1]
    assert kept.is_dir()
    assert len(list(own_cache.iterdir())) == 2


def test_a_failing_tool_is_one_sentence(tmp_path: Path) -> None:
    script = "import sys; print('note'); print('%Error: bad thing'); sys.exit(3)"
    with pytest.raises(ToolError) as error:
        tools.call("it failed", ["python3", "-c", script], cwd=tmp_path)
    assert str(error.value) == "it failed: %Error: bad thing"
