"""Where a command talks to its user: results on stdout, messages and progress on stderr, nothing secret on either."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO, cast

from retrainctl.cli.streams import FilteredStream
from retrainctl.errors import RetrainctlError
from retrainctl.model.redaction import Redactor
from retrainctl.ports import Observer
from retrainctl.render.style import Style

if TYPE_CHECKING:
    import typer

_SIGNS: Final = "→…·"
_NARROWEST = 40


class Colour(StrEnum):
    """The choices of `--color`."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Console:
    """The streams, the environment variables and the wishes of one run of the command line.

    stdout and stderr filter secrets; `redactor` learns each one that is resolved. colour and verbosity are set by
    `--color` and `-v`. folder: what the places of findings are relative to; a command sets it to its project's.
    """

    def __init__(
        self,
        *,
        stdin: TextIO,
        stdout: TextIO,
        stderr: TextIO,
        environ: Mapping[str, str],
        redactor: Redactor | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        from time import monotonic as system_monotonic

        self.redactor = redactor or Redactor()
        self.stdin = stdin
        self.stdout: TextIO = cast("TextIO", FilteredStream(stdout, self.redactor))
        self.stderr: TextIO = cast("TextIO", FilteredStream(stderr, self.redactor))
        self.environ = environ
        self.colour = Colour.AUTO
        self.verbosity = 0
        self.folder = Path()
        self._monotonic = monotonic or system_monotonic
        self._under_bar: Callable[[str], None] | None = None

    @staticmethod
    def of(context: typer.Context) -> Console:
        """The console that the command was started with."""
        console = context.find_object(Console)
        assert console is not None, "commands are started by retrainctl.cli.boundary.run"
        return console

    def result(self, text: str) -> None:
        """The result of the command, on stdout; a line end is added where there is none."""
        self.stdout.write(text if text.endswith("\n") or not text else text + "\n")

    def data(self, pieces: Iterable[bytes]) -> int:
        """A file's bytes as the result, as they are; gives how many there were."""
        self.stdout.flush()
        size = 0
        for piece in pieces:
            size += len(piece)
            self.stdout.buffer.write(piece)
        self.stdout.buffer.flush()
        return size

    @contextmanager
    def revealing(self, *, signatures: bool = False) -> Iterator[None]:
        """While it lasts, stdout shows secrets: only for a command that was asked for one by name.

        signatures: signed addresses, too.
        """
        former = self.stdout
        self.stdout = cast("TextIO", cast("FilteredStream", former).revealing(signatures=signatures))
        try:
            yield
        finally:
            self.stdout = former

    def message(self, text: str) -> None:
        """What goes on or went wrong, on stderr."""
        if self._under_bar is not None:
            self._under_bar(text)
        else:
            self.stderr.write(text + "\n")
            self.stderr.flush()

    def save(self, path: str | Path, text: str) -> None:
        """Writes an output file, redacted, whole or not at all; `-` is stdout. Raises `RetrainctlError` (RC007)."""
        if str(path) == "-":
            self.result(text)
            return
        from retrainctl.cli.files import write_atomically

        try:
            write_atomically(Path(path), self.redactor.clean(text).encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise RetrainctlError(
                f"cannot write {path}: {(error.strerror or str(error)).lower()}",
                code="RC007",
                hint="Check that its folder exists, is writable and has space.",
            ) from error

    @property
    def style(self) -> Style:
        """How text on stdout should look."""
        return self._style(self.stdout)

    @property
    def message_style(self) -> Style:
        """How text on stderr should look."""
        return self._style(self.stderr)

    def _style(self, stream: TextIO) -> Style:
        return Style(width=self._width(stream), colour=self._coloured(stream), unicode=_shows_signs(stream))

    def _coloured(self, stream: TextIO) -> bool:
        if self.colour is not Colour.AUTO:
            return self.colour is Colour.ALWAYS
        if self.environ.get("NO_COLOR"):
            return False
        if any(self.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
            return True
        return stream.isatty() and not self._set("CI") and self.environ.get("TERM") != "dumb"

    def _width(self, stream: TextIO) -> int:
        wanted = self.environ.get("COLUMNS", "")
        if wanted.isdecimal() and int(wanted) > 0:
            return max(_NARROWEST, int(wanted))
        if not stream.isatty():
            return 80
        try:
            return max(_NARROWEST, os.get_terminal_size(stream.fileno()).columns)
        except (OSError, ValueError):
            return shutil.get_terminal_size((80, 24)).columns

    def _set(self, name: str) -> bool:
        return self.environ.get(name, "").lower() not in ("", "0", "false", "no")

    @property
    def in_automation(self) -> bool:
        """Whether a pipeline runs us: no hints on what to type next."""
        return self._set("CI") or self._set("TF_BUILD") or self._set("RETRAINCTL_IN_AUTOMATION")

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to answer a question."""
        if self.in_automation or self.environ.get("RETRAINCTL_INPUT", "1") in ("0", "false", "no"):
            return False
        return self.stdin.isatty() and self.stderr.isatty()

    def confirm(self, question: str) -> bool:
        """Asks on stderr for a full `yes`; anything else, and the end of the input, is no."""
        from retrainctl.render.escape import visible

        self.stderr.write(f"{visible(question)} Only 'yes' goes on: ")
        self.stderr.flush()
        return self.stdin.readline().strip().lower() == "yes"

    @contextmanager
    def progress(self) -> Iterator[Observer]:
        """Shows progress on stderr while work goes on: bars on a terminal, plain lines elsewhere."""
        from retrainctl.cli.progress import BarObserver, LineObserver

        if not (self.stderr.isatty() and not self._set("CI") and self.environ.get("TERM") != "dumb"):
            lines = LineObserver(self.message, self._monotonic)
            try:
                yield lines
            finally:
                lines.close()
            return
        bars = BarObserver(self.stderr, colour=self.message_style.colour, monotonic=self._monotonic)
        self._under_bar = bars.say
        try:
            yield bars
        finally:
            self._under_bar = None
            bars.close()

    def listen(self, verbosity: int) -> None:
        """Turns on logging to stderr: 1 for what retrainctl does, 2 for every call and for tracebacks."""
        self.verbosity = verbosity
        if verbosity > 0:
            from retrainctl.cli.logs import follow

            follow(self.message, calls=verbosity > 1)


def _shows_signs(stream: TextIO) -> bool:
    try:
        _SIGNS.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
