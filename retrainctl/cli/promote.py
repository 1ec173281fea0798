"""`retrainctl promote`: the versions of one environment into the manifests of another."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli import options, planning
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session

if TYPE_CHECKING:
    from retrainctl.manifest.load import Loaded
    from retrainctl.operations.promoting import Promotion


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


def command(
    context: typer.Context,
    source: Annotated[str, typer.Option("--from", metavar="NAME", help="The environment whose versions are taken.")],
    target: Annotated[str, typer.Option("--to", metavar="NAME", help="The environment that gets them.")],
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    only: planning.Only = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be edited.")] = False,
    output: Annotated[Output, typer.Option("--output", help="The format.")] = Output.TEXT,
) -> int:
    """Write the model versions of one environment into the manifests of another. Touches files only, no target.

    It edits a variable that the receiving environment sets itself, or a cell of a table that only this environment
    uses. A version that a manifest writes out is the same everywhere and is left alone, with the reason. Review the
    change with git, then plan.

    \b
    Examples:
      retrainctl promote --from test --to prod
      retrainctl promote --from test --to prod --only 'Endpoint/rental*' --dry-run

    Exit codes: 0 done; 1 something cannot be promoted, all or nothing is written; 64 usage error.
    """
    from retrainctl.errors import UsageError
    from retrainctl.manifest.load import load
    from retrainctl.operations.promoting import carry_out, propose

    if source == target:
        raise UsageError("--from and --to are the same environment")
    giving = Session.open(context, source, project, None)
    taking = Session.open(context, target, project, None)
    promotion = propose(giving.loaded, taking.loaded, tuple(only or ()))
    known = taking.loaded.project
    console = taking.console

    def read(environment: str) -> Loaded:
        return load(known.root / known.file.name, environment, {}, console.environ)

    changed: list[str] = []
    if promotion.edits and not promotion.refused and not dry_run:
        changed = carry_out(known.root, promotion, list(known.environments), target, read)
    if output is Output.JSON:
        from retrainctl.render.escape import json_text

        console.result(json_text(_json(promotion, changed)) + "\n")
    else:
        console.result("\n".join(_lines(promotion, changed, target, hints=not console.in_automation)))
    return Exit.ERROR if promotion.refused else Exit.DONE


def _lines(promotion: Promotion, changed: list[str], target: str, *, hints: bool) -> Iterator[str]:
    from retrainctl.render.escape import visible
    from retrainctl.render.style import count

    verb = "edited" if changed else "would edit"
    for edit in promotion.edits:
        yield visible(f"{verb} {edit.place}: {edit.what} {edit.old} -> {edit.new}")
        for move in edit.moves[:10]:
            yield visible(f'    {move.address} "{move.slot}": {move.before} -> {move.after}')
        if len(edit.moves) > 10:
            yield f"    ... and {len(edit.moves) - 10:,} more"
    for one in promotion.refused:
        yield visible(f'cannot promote {one.address} "{one.slot}": {one.reason}')
        yield visible(f"    help: {one.hint}")
    if promotion.refused and promotion.edits:
        yield "Nothing was written: promote all or choose with --only."
    if not promotion.edits and not promotion.refused:
        yield f"Nothing to promote: {count(promotion.alike, 'slot')} declared alike in both."
    elif changed and hints:
        yield f"Next: git diff, then retrainctl plan --env {target}"


def _json(promotion: Promotion, changed: list[str]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "edits": [asdict(edit) for edit in promotion.edits],
        "refused": [asdict(one) for one in promotion.refused],
        "alike": promotion.alike,
        "changed": changed,
    }
