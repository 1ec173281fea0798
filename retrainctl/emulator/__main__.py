"""`python -m retrainctl.emulator serve --state DIR`: the server process in the foreground."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from retrainctl.errors import RetrainctlError


def main(arguments: list[str] | None = None) -> int:
    """Parse, serve, and turn an expected failure into one line and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m retrainctl.emulator")
    serve_parser = parser.add_subparsers(required=True).add_parser("serve", help="run the emulator in the foreground")
    serve_parser.add_argument("--state", type=Path, required=True, help="folder with the state")
    serve_parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    serve_parser.add_argument("--https", action="store_true", help="serve TLS with a certificate made here")
    serve_parser.add_argument("--seed", type=Path, action="append", default=[], help="definition JSON or seed folder")
    serve_parser.add_argument("--realistic", action="store_true", help="operations take as long as recorded")
    serve_parser.add_argument("--retry-after", type=int, default=0, help="send Retry-After with asynchronous answers")
    serve_parser.add_argument("--idle-minutes", type=float, default=30.0, help="end after this idle time; 0 never")
    given = parser.parse_args(arguments)
    try:
        from retrainctl.emulator.server import Options, serve
    except ModuleNotFoundError as error:
        return _fail("RC801", f"the emulator needs the package {error.name}", "pip install 'retrainctl[emulator]'")
    try:
        return serve(
            Options(
                state=given.state.resolve(),
                port=given.port,
                https=given.https,
                seeds=tuple(given.seed),
                realistic=given.realistic,
                retry_after=given.retry_after,
                idle_minutes=given.idle_minutes,
            )
        )
    except RetrainctlError as error:
        return _fail(error.code, error.message, error.hint)


def _fail(code: str, message: str, hint: str | None) -> int:
    print(f"{code}: {message}" + (f"\n  {hint}" if hint else ""), file=sys.stderr, flush=True)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
