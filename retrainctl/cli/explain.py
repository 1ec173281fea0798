"""`retrainctl explain CODE`: what an error code means, why it comes, what to do. Offline."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.errors import UsageError


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


def command(
    context: typer.Context,
    code: Annotated[str | None, typer.Argument(metavar="CODE", help="An error code, such as RC012.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="List every code with its title.")] = False,
    output: Annotated[Output, typer.Option("--output", help="Form of the answer.")] = Output.TEXT,
) -> int:
    """Say what an error code means, why it comes and what to do.

    \b
    Examples:
      retrainctl explain RC012
      retrainctl explain --all

    Exit codes: 0 done; 64 unknown code or wrong usage.
    """
    from retrainctl.codes import catalogue
    from retrainctl.render.code_text import code_text, codes_json, codes_text

    console = Console.of(context)
    codes = catalogue()
    if everything:
        console.result(codes_json(codes) if output is Output.JSON else codes_text(codes, console.style))
        return Exit.DONE
    if code is None:
        raise UsageError("which code?", hint="Give one, such as RC012, or --all for the list.")
    name = code.strip().upper()
    if name not in codes:
        raise _unknown(name, list(codes))
    chosen = {name: codes[name]}
    console.result(codes_json(chosen) if output is Output.JSON else code_text(name, codes[name], console.style))
    return Exit.DONE


def _unknown(name: str, known: list[str]) -> UsageError:
    from difflib import get_close_matches

    digits = "".join(filter(str.isdigit, name))
    near = [f"RC{digits:>03}"] if digits and f"RC{digits:>03}" in known else get_close_matches(name, known, n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else "retrainctl explain --all lists every code."
    return UsageError(f"there is no error code {name}", code="RC009", hint=hint)
