"""`retrainctl show FILE`: a saved plan or receipt again, in any format, without any network."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.errors import RetrainctlError, UsageError


class Output(StrEnum):
    """The formats of a plan; a receipt has fewer."""

    TEXT = "text"
    JSON = "json"
    MD = "md"
    HTML = "html"
    SARIF = "sarif"
    JUNIT = "junit"
    EVENTS = "events"


class Budget(StrEnum):
    """Places with a limit for Markdown."""

    GITHUB_COMMENT = "github-comment"
    STEP_SUMMARY = "step-summary"
    AZDO_COMMENT = "azdo-comment"
    AZDO_DESCRIPTION = "azdo-description"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"


def command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan or receipt file; - reads stdin.")],
    output: Annotated[Output, typer.Option("--output", help="The format.")] = Output.TEXT,
    budget: Annotated[
        Budget | None,
        typer.Option("--budget", metavar="PRESET", help=f"Drop detail until Markdown fits: {', '.join(Budget)}."),
    ] = None,
    show_ignored: Annotated[bool, typer.Option("--show-ignored", help="List ignored differences of form.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="List every call that an apply would send.")] = False,
) -> int:
    """Show a saved plan or receipt again, in any format, offline.

    \b
    Examples:
      retrainctl show plan.json
      retrainctl show plan.json --output md --budget github-comment > comment.md
      retrainctl show plan.json --output html > report.html

    Exit codes: 0 done; 1 the file cannot be read; 4 a plan of an unknown format; 64 usage error.
    """
    from retrainctl.render.formats import RECEIPT_FORMATS, RenderOptions, render_plan, render_receipt

    console = Console.of(context)
    document = _read(file, console)
    options = RenderOptions(
        style=console.style,
        show_ignored=show_ignored,
        explain=explain,
        hints=not console.in_automation,
        saved_as=str(file) if str(file) != "-" else None,
        budget=None if budget is None else budget.value,
        redactor=console.redactor,
    )
    if "resource_changes" in document:
        _check(document, file, console)
        console.result(render_plan(document, output.value, options))
        return Exit.DONE
    if output.value not in RECEIPT_FORMATS:
        raise UsageError(f"a receipt has no {output} form", hint=f"Use --output {', '.join(RECEIPT_FORMATS)}.")
    console.result(render_receipt(document, output.value, options))
    return Exit.DONE


def _read(file: Path, console: Console) -> dict[str, Any]:
    import orjson

    try:
        data = console.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise RetrainctlError(
            f"cannot read {file}: {(error.strerror or str(error)).lower()}", code="RC005", hint="Check the path."
        ) from error
    try:
        document = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise _not_ours(f"{file} is not JSON: {error}") from error
    if not isinstance(document, dict) or not ("resource_changes" in document or {"run", "resources"} <= set(document)):
        raise _not_ours(f"{file} is neither a plan nor a receipt")
    return document


def read_plan(file: Path, console: Console) -> dict[str, Any]:
    """A saved plan; says when it was changed after it was made. Raises `RetrainctlError` (RC005, RC006)."""
    document = _read(file, console)
    if "resource_changes" not in document:
        raise _not_ours(f"{file} is a receipt, not a plan")
    _check(document, file, console)
    return document


def _not_ours(message: str) -> RetrainctlError:
    return RetrainctlError(message, code="RC006", hint="Give a file that retrainctl plan --out FILE or an apply wrote.")


def _check(document: dict[str, Any], file: Path, console: Console) -> None:
    """A newer major format cannot be read; a plan that was edited can, but not without saying so."""
    from retrainctl.plan.encode import FORMAT_VERSION, digest
    from retrainctl.plan.errors import PlanFileInvalid
    from retrainctl.render.escape import visible

    version = str(document.get("format_version", ""))
    if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise PlanFileInvalid(
            f"{file} has format {version or 'unknown'}, this retrainctl reads {FORMAT_VERSION}",
            code="RC006",
            hint="Use the retrainctl version that wrote it, or plan again.",
        )
    try:
        genuine = digest(document) == document.get("digest")
    except (AttributeError, KeyError, TypeError):
        genuine = False
    if not genuine:
        shown = visible(str(file))
        console.message(f"warning: {shown} was changed after it was made: its digest does not match. Apply refuses it.")
