"""The entry point. `--version` answers before anything heavy is imported: start-up is part of every command."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from typing import Final

_BRIEF: Final = frozenset({"plan", "validate", "show", "render", "import", "graph", "status"})


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and gives its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["--version"]:
        from retrainctl.version import __version__

        sys.stdout.write(f"retrainctl {__version__}\n")
        return 0
    # What a command makes lives until its end: looking through it again and again finds nothing. What runs for hours
    # (an apply, a retraining) is looked through now and then.
    if arguments[:1] and arguments[0] in _BRIEF:
        gc.disable()
    else:
        gc.set_threshold(200_000, 20, 50)
    from retrainctl.cli.boundary import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
