"""The one place where the command line meets the outside: every error becomes a message and an exit code here."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO

import typer

from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit, exit_of
from retrainctl.errors import InvalidInput, RetrainctlError, UsageError
from retrainctl.render.escape import clip, visible
from retrainctl.render.style import Style, wrapped

# What the command line parser raises. Typer exports neither of the two classes above its BadParameter.
_PARSER_ERROR: type[Any] = typer.BadParameter.__mro__[2]
_LONGEST = 500


class Terminated(BaseException):
    """SIGTERM, as an exception: what is under way unwinds as after Ctrl-C."""


def run(
    argv: Sequence[str],
    *,
    stdin: TextIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> int:
    """Runs one command line and gives its exit code; never raises. Without streams it uses the process's own."""
    console = Console(
        stdin=stdin or sys.stdin,
        stdout=stdout or sys.stdout,
        stderr=stderr or sys.stderr,
        environ=os.environ if environ is None else environ,
    )
    # Also what others print, a warning of a library or a stray echo, goes through the filter.
    with redirect_stdout(console.stdout), redirect_stderr(console.stderr), _terminable():
        try:
            code = _invoke(argv, console)
            console.stdout.flush()
        except BrokenPipeError:
            _let_go(console)
            return Exit.READER_GONE
        except BaseException as error:
            code = _told(error, argv, console)
    return int(code)


def _invoke(argv: Sequence[str], console: Console) -> int:
    from retrainctl.cli.app import root

    command = root()
    with command.make_context("retrainctl", list(argv), obj=console) as context:
        code = command.invoke(context)
    return code if isinstance(code, int) else Exit.DONE


def _told(error: BaseException, argv: Sequence[str], console: Console) -> int:
    """Tells the user what happened and gives the exit code."""
    try:
        return _tell(error, argv, console)
    except BrokenPipeError:
        _let_go(console)
        return Exit.READER_GONE


def _tell(error: BaseException, argv: Sequence[str], console: Console) -> int:
    if isinstance(error, typer.Exit):
        console.stdout.flush()
        return error.exit_code
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else Exit.ERROR if error.code else Exit.DONE
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        console.message("Interrupted.")
        return Exit.INTERRUPTED
    if isinstance(error, Terminated):
        console.message("Terminated.")
        return Exit.TERMINATED
    if isinstance(error, _PARSER_ERROR):
        _tell_usage(error, console)
        return Exit.USAGE
    _tell_failure(error, console)
    if console.verbosity > 1:
        _trace(error, console)
    return exit_of(error)


def _tell_usage(error: Any, console: Console) -> None:
    context = error.ctx if getattr(error, "ctx", None) is not None else None
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        console.message(context.get_help())
        return
    path = context.command_path if context is not None else "retrainctl"
    # The parser passes on what its own validation says, name of the exception included.
    text = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")
    console.message(_error_text("RC003", text[:1].lower() + text[1:], (), f"See {path} --help.", console.message_style))


def _tell_failure(error: BaseException, console: Console) -> None:
    style = console.message_style
    if isinstance(error, InvalidInput) and error.diagnostics:
        from retrainctl.cli.findings import shown

        console.message(shown(error.diagnostics, console).rstrip("\n"))
    elif isinstance(error, RetrainctlError):
        hint = error.hint or ("See the command's --help." if isinstance(error, UsageError) else None)
        console.message(_error_text(error.code, error.message, _places(error), hint, style))
    elif isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else ""
        text = f"{named}{error.strerror or error}"
        console.message(_error_text("RC008", text, (), "Check the path, its permissions and the disk space.", style))
    else:
        text = f"internal error: {type(error).__name__}: {clip(str(error), _LONGEST)}"
        hint = "This is a defect of retrainctl. Run it again with -vv for the details and report them."
        console.message(_error_text("RC001", text, (), hint, style))


def _places(error: RetrainctlError) -> tuple[str, ...]:
    """Where it happened, from what the error knows: a resource, the service's own code, a request id."""
    address, service, request = (getattr(error, name, None) for name in ("address", "service_code", "request_id"))
    status = getattr(error, "status", None)
    answer = " ".join(str(part) for part in (f"HTTP {status}" if status else None, service) if part)
    named = (("", address), ("answer: ", answer), ("request id: ", request))
    return tuple(f"{name}{value}" for name, value in named if value)


def _error_text(code: str, message: str, places: Sequence[str], hint: str | None, style: Style) -> str:
    """`error[RC012]: sentence`, then `  --> place` lines and `  = help: next step`."""
    label = f"error[{code}]"
    lines = wrapped(visible(message), style, first=f"{label}: ", rest="  ")
    lines[0] = style.paint("danger", label) + lines[0].removeprefix(label)
    lines.extend(f"  --> {visible(place)}" for place in places)
    if hint:
        lines.extend(wrapped(visible(hint), style, first="  = help: ", rest="    "))
    return "\n".join(lines)


def _trace(error: BaseException, console: Console) -> None:
    import traceback

    for line in "".join(traceback.format_exception(error)).splitlines():
        console.message(visible(line))


def _let_go(console: Console) -> None:
    """The reader of our output is gone (`| head`): nothing to say, and nothing may be flushed to it at exit."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, console.stdout.fileno())
        os.close(nowhere)


@contextmanager
def _terminable() -> Iterator[None]:
    """Turns SIGTERM into an exception while a command runs; a command that handles signals itself replaces this."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(number: int, frame: object) -> None:
        raise Terminated

    former = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
