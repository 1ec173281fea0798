"""The command line inside this process: what `Shell` does, without paying for a new interpreter each time.

For the steps of a test that only have to happen or to be looked at. What a test is about (signals, kills, limits of the
process) needs a process of its own.
"""

from __future__ import annotations

import contextlib
import gc
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from retrainctl.cli import boundary
from tests.support.command import Ran


@dataclass
class Inside:
    """Runs `retrainctl` in one folder, with the streams and the environment of a `Shell`."""

    folder: Path
    environ: dict[str, str]

    def __call__(self, *arguments: str, code: int | None = 0, cwd: Path | None = None, **environ: str) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(cwd or self.folder), warnings.catch_warnings():
            # A command leaves its connections to the end of its process; here that is the next collection.
            warnings.simplefilter("ignore", ResourceWarning)
            ended = boundary.run(
                arguments, stdin=io.StringIO(), stdout=out, stderr=err, environ={**self.environ, **environ}
            )
            gc.collect()
        ran = Ran(ended, out.getvalue(), err.getvalue())
        assert code is None or ran.code == code, f"retrainctl {' '.join(arguments)}: {ran}"
        return ran
