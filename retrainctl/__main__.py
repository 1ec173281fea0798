"""The entry point. `--version` answers before anything heavy is imported: start-up is part of every command."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import Final

_BRIEF: Final = frozenset({"plan", "validate", "show", "render", "import", "graph", "status"})
"""What makes many values and ends soon. What runs for hours (an apply, a retraining) is none of these."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and gives its exit code. Without `argv` it is the process's own, and a brief command ends
    the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["--version"]:
        from retrainctl.version import __version__

        sys.stdout.write(f"retrainctl {__version__}\n")
        return 0
    brief = bool(arguments) and arguments[0] in _BRIEF
    if brief:
        # Its values live until its end: looking through them again and again finds nothing.
        gc.disable()
    else:
        gc.set_threshold(200_000, 20, 50)
    from retrainctl.cli.boundary import run

    code = run(arguments)
    if brief and argv is None:
        _leave(code)
    return code


def _leave(code: int) -> None:
    """Ends the process at once: taking thousands of values apart one by one takes a tenth of a large plan's time."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # a reader that has gone; the code tells so already
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
