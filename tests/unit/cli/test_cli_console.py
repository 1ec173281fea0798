"""Colour, width, encoding, questions, files and progress."""

from __future__ import annotations

import io
import logging
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrainctl.cli.console import Colour, Console
from retrainctl.cli.progress import BarObserver, LineObserver
from retrainctl.errors import RetrainctlError
from retrainctl.model.values import Secret
from retrainctl.ports import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Encoded(io.TextIOWrapper):
    """A stream of a given encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="")

    def bytes(self) -> bytes:
        self.flush()
        return self.buffer.getvalue()  # type: ignore[attr-defined, no-any-return]


def a_console(environ: dict[str, str] | None = None, **streams: Any) -> Console:
    made = {"stdin": io.StringIO(), "stdout": io.StringIO(), "stderr": io.StringIO(), **streams}
    return Console(environ=environ or {}, **made)


@pytest.mark.parametrize(
    ("environ", "wish", "terminal", "coloured"),
    [
        ({}, Colour.AUTO, True, True),
        ({}, Colour.AUTO, False, False),
        ({"NO_COLOR": "1"}, Colour.AUTO, True, False),
        ({"NO_COLOR": ""}, Colour.AUTO, True, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, Colour.AUTO, False, False),
        ({"FORCE_COLOR": "1"}, Colour.AUTO, False, True),
        ({"FORCE_COLOR": "0"}, Colour.AUTO, False, False),
        ({"CLICOLOR_FORCE": "1", "CI": "true"}, Colour.AUTO, False, True),
        ({"CI": "true"}, Colour.AUTO, True, False),
        ({"TERM": "dumb"}, Colour.AUTO, True, False),
        ({"NO_COLOR": "1"}, Colour.ALWAYS, False, True),
        ({"FORCE_COLOR": "1"}, Colour.NEVER, True, False),
    ],
)
def test_colour(environ: dict[str, str], wish: Colour, terminal: bool, coloured: bool) -> None:
    console = a_console(environ, stdout=Terminal() if terminal else io.StringIO())
    console.colour = wish
    assert console.style.colour is coloured


@pytest.mark.parametrize(("columns", "width"), [("200", 200), ("10", 40), ("x", 80), ("", 80), ("0", 80)])
def test_width(columns: str, width: int) -> None:
    assert a_console({"COLUMNS": columns}).style.width == width


@pytest.mark.parametrize(("encoding", "signs"), [("utf-8", True), ("ascii", False), ("latin-1", False)])
def test_a_narrow_encoding_gets_ascii_signs_and_never_fails(encoding: str, signs: bool) -> None:
    stream = Encoded(encoding)
    console = a_console(stdout=stream)
    assert console.style.unicode is signs
    console.result("名前 → é\ud800")
    assert stream.bytes().decode(encoding).startswith("名前" if signs else "\\u540d\\u524d \\u2192")
    stream.close()


@pytest.mark.parametrize(
    ("environ", "terminal", "interactive", "automated"),
    [
        ({}, True, True, False),
        ({}, False, False, False),
        ({"CI": "true"}, True, False, True),
        ({"CI": "false"}, True, True, False),
        ({"TF_BUILD": "True"}, True, False, True),
        ({"RETRAINCTL_IN_AUTOMATION": "1"}, True, False, True),
        ({"RETRAINCTL_INPUT": "0"}, True, False, False),
    ],
)
def test_who_is_there(environ: dict[str, str], terminal: bool, interactive: bool, automated: bool) -> None:
    kind = Terminal if terminal else io.StringIO
    console = a_console(environ, stdin=kind(), stderr=kind())
    assert console.interactive is interactive
    assert console.in_automation is automated


@pytest.mark.parametrize(("answer", "agreed"), [("yes\n", True), (" YES \n", True), ("y\n", False), ("", False)])
def test_only_yes_is_yes(answer: str, agreed: bool) -> None:
    err = io.StringIO()
    assert a_console(stdin=io.StringIO(answer), stderr=err).confirm("Apply 3 changes?") is agreed
    assert err.getvalue() == "Apply 3 changes? Only 'yes' goes on: "


def test_files_are_written_whole_redacted_and_keep_their_mode(tmp_path: Path) -> None:
    console = a_console()
    console.redactor.learn(Secret("hunter2hunter2"))
    file = tmp_path / "out.md"
    file.write_text("old")
    file.chmod(0o600)
    console.save(file, "key hunter2hunter2 é\n")
    assert file.read_text() == "key (sensitive) é\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.md"]


def test_a_dash_is_stdout_and_a_link_stays_a_link(tmp_path: Path) -> None:
    out = io.StringIO()
    console = a_console(stdout=out)
    console.save("-", "text")
    assert out.getvalue() == "text\n"
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "file").write_text("old")
    console.save(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_text()))
    reader.start()
    a_console().save(tmp_path / "pipe", "through")
    reader.join(10)
    assert got == ["through"]


def test_a_folder_that_is_not_there_is_an_error_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(RetrainctlError, match=r"cannot write .*no such file or directory") as caught:
        a_console().save(tmp_path / "nowhere" / "out.md", "x")
    assert caught.value.code == "RC007"


class Time:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lines() -> Iterator[tuple[LineObserver, list[str], Time]]:
    said: list[str] = []
    clock = Time()
    observer = LineObserver(said.append, clock)
    yield observer, said, clock
    observer.close()


Lines = tuple[LineObserver, list[str], Time]


def test_few_items_are_all_told(lines: Lines) -> None:
    observer, said, _ = lines
    for n in (1, 2):
        observer.progress(Progress(task="apply", done=n, total=2, item=f"WebService/{n}", outcome="applied"))
    assert said == ["apply: 1 of 2: WebService/1: applied", "apply: 2 of 2: WebService/2: applied"]


def test_many_items_are_told_every_few_seconds_and_at_the_end(lines: Lines) -> None:
    observer, said, clock = lines
    for n in range(5001):
        clock.now = n * 0.002
        observer.progress(Progress(task="read", done=n, total=5000, item=f"WebService/{n}", outcome="read"))
        if n in (100, 450):
            observer.tick()
    assert said == [
        "read: 450 of 5,000: WebService/450: read",
        "read: 2,950 of 5,000: WebService/2950: read",
        "read: 5,000 of 5,000: WebService/5000: read",
    ]


def test_a_short_task_is_silent_and_a_stuck_one_shows_life(lines: Lines) -> None:
    observer, said, clock = lines
    observer.progress(Progress(task="read", done=0, total=1))
    observer.progress(Progress(task="read", done=1, total=1))
    assert said == []
    observer.progress(Progress(task="wait", done=0, total=1))
    for clock.now in (0.9, 6.0, 31.0, 40.0):
        observer.tick()
    assert said == ["wait: 0 of 1", "wait: 0 of 1 (after 31 s)"]


def test_notes_and_items_are_shown_and_not_obeyed(lines: Lines) -> None:
    observer, said, _ = lines
    observer.note("::error::x\x1b[31m")
    observer.progress(Progress(task="a", done=1, total=1, item="\n##vso[x]", outcome="ok"))
    assert said == ["\\x3a:error::x\\x1b[31m", "a: 1 of 1: \\n\\x23#vso[x]: ok"]


def test_without_a_terminal_progress_is_plain() -> None:
    err = io.StringIO()
    console = a_console(stderr=err)
    with console.progress() as observer:
        observer.progress(Progress(task="apply", done=1, total=1, item="WebService/a", outcome="applied"))
        console.message("between")
    assert err.getvalue() == "apply: 1 of 1: WebService/a: applied\nbetween\n"


def test_on_a_terminal_there_are_bars_and_messages_above_them() -> None:
    err = Terminal()
    console = a_console({"TERM": "xterm", "NO_COLOR": "1"}, stderr=err)
    console.redactor.learn(Secret("hunter2hunter2"))
    with console.progress() as observer:
        assert isinstance(observer, BarObserver)
        observer.progress(Progress(task="apply", done=1, total=3, item="WebService/[red]hunter2hunter2"))
        console.message("a message with [brackets] and hunter2hunter2")
        observer.progress(Progress(task="apply", done=3, total=3, item="WebService/b"))
        observer.note("a note")
    shown = err.getvalue()
    assert "a message with [brackets] and (sensitive)\n" in shown
    assert "a note\n" in shown
    assert "hunter2" not in shown
    assert "3/3" in shown
    console.message("after")
    assert err.getvalue().endswith("after\n")


def test_verbosity_listens_to_our_loggers() -> None:
    err = io.StringIO()
    console = a_console(stderr=err)
    console.redactor.learn(Secret("hunter2hunter2"))
    try:
        console.listen(1)
        logging.getLogger("retrainctl.targets").info("reading %s", "hunter2hunter2\x1b[31m")
        logging.getLogger("retrainctl.targets").debug("not at -v")
        logging.getLogger("azure.core").info("not at -v")
        console.listen(2)
        logging.getLogger("azure.core").info("GET /")
    finally:
        for name in ("retrainctl", "azure"):
            logging.getLogger(name).handlers.clear()
            logging.getLogger(name).setLevel(logging.NOTSET)
            logging.getLogger(name).propagate = True
    assert err.getvalue() == "INFO retrainctl.targets: reading (sensitive)\\x1b[31m\nINFO azure.core: GET /\n"
