"""Every way out of the command line: what the user reads, where, and the exit code."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from retrainctl.cli import app, boundary
from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit, exit_of
from retrainctl.diagnostics import Diagnostic, Span
from retrainctl.errors import InvalidInput, RetrainctlError, UsageError
from retrainctl.model.values import Secret
from retrainctl.plan.errors import Blocked, PlanFileInvalid, StalePlan
from retrainctl.ports import LeaseHeld, LeaseLost, LeaseState, Rejected
from tests.golden.render.plans import a_plan, plans


class Outcome:
    """One run of the command line in this process."""

    def __init__(self, *argv: str, stdin: str = "", environ: dict[str, str] | None = None) -> None:
        self._out, self._err = io.StringIO(), io.StringIO()
        stream = io.TextIOWrapper(io.BytesIO(stdin.encode()))
        self.code = boundary.run(argv, stdin=stream, stdout=self._out, stderr=self._err, environ=environ or {})
        stream.close()

    @property
    def out(self) -> str:
        return self._out.getvalue()

    @property
    def err(self) -> str:
        return self._err.getvalue()


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Adds a command `fail` that does what it is told to."""

    def arrange(act: Any) -> None:
        module = type(sys)("retrainctl_test_fail")

        def command(context: typer.Context) -> int:
            """Fail."""
            return act(Console.of(context))  # type: ignore[no-any-return]

        module.command = command  # type: ignore[attr-defined]
        command.__annotations__ = {"context": typer.Context, "return": int}
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(app.COMMANDS, "fail", app.Entry(module.__name__, "Fail.", "Test"))

    return arrange


def raising(error: BaseException) -> Any:
    def act(console: Console) -> int:
        raise error

    return act


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("shwo",), "there is no command shwo"),
        (("show",), "missing argument"),
        (("show", "--nope", "x"), "no such option"),
        (("explain", "RC001", "--output", "jsn"), "'jsn' is not one of 'text', 'json'"),
        (("explain", "RC001", "--color", "sometimes"), "--color"),
        (("explain", "RC001", "RC002"), "unexpected extra argument"),
        (("--nope",), "no such option"),
        (("explain",), "which code?"),
        (("validate", "--var", "x"), "not of the form NAME=VALUE"),
    ],
)
def test_wrong_usage_is_64_with_a_next_step(argv: tuple[str, ...], message: str) -> None:
    outcome = Outcome(*argv)
    assert outcome.code == 64
    assert outcome.out == ""
    assert outcome.err.startswith("error[RC003]: ")
    assert message in " ".join(outcome.err.split()).lower() or message in " ".join(outcome.err.split())
    assert "= help: " in outcome.err


def test_a_misspelled_command_gets_a_suggestion() -> None:
    assert "Did you mean show?" in Outcome("shwo").err
    assert "Did you mean validate?" in Outcome("validte").err


def test_no_arguments_shows_the_help_and_is_wrong_usage() -> None:
    outcome = Outcome()
    assert outcome.code == 64
    assert "Usage: retrainctl" in outcome.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RetrainctlError("x"), 1),
        (UsageError("x"), 64),
        (Blocked("x"), 3),
        (StalePlan("x"), 4),
        (PlanFileInvalid("x"), 4),
        (LeaseHeld(LeaseState(fence=1, held=True)), 7),
        (LeaseLost("x"), 7),
        (InvalidInput([Diagnostic(code="RC100", message="x")]), 1),
        (Rejected("x"), 1),
        (ValueError("x"), 1),
        (KeyboardInterrupt(), 130),
        (boundary.Terminated(), 143),
        (BrokenPipeError(), 141),
        (typer.Exit(5), 5),
        (typer.Abort(), 130),
        (SystemExit(3), 3),
        (SystemExit("message"), 1),
        (SystemExit(None), 0),
    ],
)
def test_exit_codes(failing: Any, error: BaseException, code: int) -> None:
    failing(raising(error))
    outcome = Outcome("fail")
    assert outcome.code == code
    assert "Traceback" not in outcome.err


def test_a_subclass_has_its_own_code_or_that_of_its_parent() -> None:
    class Frozen(Blocked):
        """A guard."""

    assert exit_of(Frozen("x")) is Exit.BLOCKED
    assert exit_of(RetrainctlError("x")) is Exit.ERROR


def test_an_error_names_code_place_and_next_step(failing: Any) -> None:
    refused = Rejected(
        "the service refused the request",
        code="RC305",
        hint="Look at the definition.",
        status=400,
        service_code="BadRequest",
        request_id="6d1f",
    )
    refused.address = "WebService/census"  # type: ignore[assignment]
    failing(raising(refused))
    assert Outcome("fail").err.splitlines() == [
        "error[RC305]: the service refused the request",
        "  --> WebService/census",
        "  --> answer: HTTP 400 BadRequest",
        "  --> request id: 6d1f",
        "  = help: Look at the definition.",
    ]


def test_all_findings_come_at_once_with_their_lines(failing: Any, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "a.yaml").write_text("kind: WebServce\n")
    monkeypatch.chdir(tmp_path)
    found = [Diagnostic(code=f"RC10{n}", message="wrong", span=Span("a.yaml", 1, 7), hint="Mend it.") for n in (1, 2)]
    failing(raising(InvalidInput(found)))
    err = Outcome("fail").err
    assert err.count("  1 | kind: WebServce\n    |       ^\n  help: Mend it.\n") == 2
    assert err.endswith("2 errors\n")


def test_a_defect_is_short_and_the_traceback_needs_vv(failing: Any) -> None:
    def act(console: Console) -> int:
        console.redactor.learn(Secret("hunter2hunter2"))
        raise RuntimeError("cannot use hunter2hunter2\x1b[31m " + "x" * 2000)

    failing(act)
    quiet, loud = Outcome("fail"), Outcome("fail", "-vv")
    assert quiet.code == loud.code == 1
    assert quiet.err.startswith("error[RC001]: internal error: RuntimeError: cannot use (sensitive)\\x1b[31m")
    assert len(quiet.err) < 1000
    assert "Traceback" in loud.err
    assert "hunter2" not in quiet.err + loud.err
    assert "\x1b" not in quiet.err + loud.err


def test_what_the_system_refuses_is_no_defect(failing: Any) -> None:
    failing(raising(PermissionError(13, "Permission denied", "/secret/place")))
    assert Outcome("fail").err.startswith("error[RC008]: /secret/place: Permission denied")


def test_stray_prints_are_redacted_too(failing: Any) -> None:
    def act(console: Console) -> int:
        console.redactor.learn(Secret("hunter2hunter2"))
        print("print hunter2hunter2 https://a/b?sig=abcdef")
        typer.echo("echo hunter2hunter2", err=True)
        sys.stderr.write("write hunter2hunter2\n")
        return 2

    failing(act)
    outcome = Outcome("fail")
    assert outcome.code == 2
    assert outcome.out == "print (sensitive) https://a/b?sig=(sensitive)\n"
    assert outcome.err == "echo (sensitive)\nwrite (sensitive)\n"


def test_version_in_every_position() -> None:
    from retrainctl.version import __version__

    assert Outcome("--version").out == f"retrainctl {__version__}\n"
    run = subprocess.run([sys.executable, "-m", "retrainctl", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout == f"retrainctl {__version__}\n"


def _modules(*argv: str) -> set[str]:
    """The modules that a run of the command line imports."""
    script = (
        "import sys, io; from retrainctl.__main__ import main; out = sys.stdout; sys.stdout = io.StringIO()\n"
        f"main({list(argv)!r}); print('\\n'.join(sys.modules), file=out)"
    )
    return set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.split())


def test_version_imports_next_to_nothing() -> None:
    loaded = _modules("--version")
    assert not {
        name for name in loaded if name.partition(".")[0] in ("typer", "click", "rich", "orjson", "yaml", "azure")
    }
    assert not loaded & {"retrainctl.cli.boundary", "logging", "dataclasses", "argparse"}


HEAVY = {"azure", "jinja2", "jsonschema", "jsonschema_rs", "deepdiff", "rich", "yaml", "numpy", "onnx", "sklearn"}


@pytest.mark.parametrize("argv", [("--help",), ("explain", "RC001"), ("shwo",)])
def test_light_commands_import_nothing_heavy(argv: tuple[str, ...]) -> None:
    loaded = _modules(*argv)
    assert not {name.partition(".")[0] for name in loaded} & HEAVY
    commands = {entry.module for entry in app.COMMANDS.values()} & loaded
    assert commands <= ({"retrainctl.cli.explain"} if argv[0] == "explain" else set())


def test_showing_text_needs_no_template_engine(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(a_plan()))
    assert not {name.partition(".")[0] for name in _modules("show", str(file))} & HEAVY


@pytest.mark.parametrize("name", sorted(app.COMMANDS))
def test_help_fits_80_columns_and_says_what_is_needed(name: str) -> None:
    shown = Outcome(name, "--help")
    assert shown.code == 0
    assert max(map(len, shown.out.splitlines())) <= 80
    assert not re.search(r"install-completion|╭", shown.out)


@pytest.mark.parametrize("name", ["explain", "show", "validate"])
def test_help_has_an_example_and_the_exit_codes(name: str) -> None:
    shown = Outcome(name, "--help").out
    assert f"  retrainctl {name}" in shown
    assert "Exit codes: 0 " in shown
    assert "--color" in shown


def test_every_command_stands_in_the_root_help() -> None:
    shown = Outcome("--help").out
    assert all(re.search(rf"^  {name} ", shown, re.MULTILINE) for name in app.COMMANDS)
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("argv", [("--color", "always", "show"), ("show", "--color", "always")])
def test_colour_may_stand_before_and_after_the_command(tmp_path: Path, argv: tuple[str, ...]) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plans()["delete"]))
    assert "\x1b[31m" in Outcome(*argv, str(file)).out


@pytest.fixture
def process(tmp_path: Path) -> Any:
    """Starts the command line as a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*argv: str, **more: Any) -> subprocess.Popen[str]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **more}
        started.append(subprocess.Popen([sys.executable, "-m", "retrainctl", *argv], **options))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()


def test_a_reader_that_goes_away_is_no_error(process: Any, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plans()["thousand-moves"]))
    reading, writing = os.pipe()
    os.close(reading)
    run = process("show", str(file), "--output", "json", stdout=writing)
    os.close(writing)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 141
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_quietly_with_their_code(process: Any, number: int, code: int) -> None:
    # It waits for a plan on stdin that never comes.
    script = "import sys; from retrainctl.__main__ import main; print('up', flush=True); sys.exit(main(['show', '-']))"
    run = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with run:
        assert run.stdout is not None
        run.stdout.readline()
        _until_reading(run.pid)
        run.send_signal(number)
        _, err = run.communicate(timeout=60)
    assert run.returncode == code
    assert "Traceback" not in err


def _until_reading(pid: int) -> None:
    """Waits until the process has imported everything and blocks on its stdin."""
    import time

    for _ in range(600):
        loaded = Path(f"/proc/{pid}/maps").read_text()
        if "orjson" in loaded:
            break
        time.sleep(0.05)
    time.sleep(0.3)
