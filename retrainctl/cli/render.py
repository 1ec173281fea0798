"""`retrainctl render`: manifests with every value filled in, and where a value comes from."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli import options, planning
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session

if TYPE_CHECKING:
    from retrainctl.operations.explaining_values import Value


class Output(StrEnum):
    YAML = "yaml"
    JSON = "json"


def command(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    only: planning.Only = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="KEY", help="Where it comes from: vars.NAME, KIND/NAME or KIND/NAME#PATH."),
    ] = None,
    output: Annotated[Output, typer.Option("--output", help="The format.")] = Output.YAML,
) -> int:
    """Show the manifests of an environment with every expression filled in. Secrets stay references.

    \b
    Examples:
      retrainctl render --env prod
      retrainctl render --env prod --explain vars.maxRmse
      retrainctl render --env prod --explain 'WebService/census#spec.models'

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations import explaining_values
    from retrainctl.render.escape import json_text

    session = Session.open(context, env, project, var)
    console = session.console
    if explain is not None:
        given = options.variables(var)
        values = explaining_values.explain(session.loaded, explain, console.environ, given)
        if output is Output.JSON:
            console.result(json_text([_json(value) for value in values]) + "\n")
        else:
            console.result("\n".join(line for value in values for line in _lines(value)))
        return Exit.DONE
    documents = explaining_values.rendered(session.loaded, tuple(only or ()))
    if output is Output.JSON:
        console.result(json_text(documents) + "\n")
        return Exit.DONE
    from retrainctl.manifest.write import text
    from retrainctl.render.escape import visible

    # What could act in a terminal or a CI log is shown, not sent, though that line then is no longer the value.
    console.result("".join(f"{visible(line)}\n" for line in text(documents).split("\n")[:-1]))
    return Exit.DONE


def _lines(value: Value) -> Iterator[str]:
    from retrainctl.render.escape import visible

    at = f"  ({value.place})" if value.place is not None else ""
    yield visible(f"{value.key} = {_shown(value.value)}{at}")
    if value.written is not None:
        yield visible(f"    written as {_shown(value.written)}")
    for origin in value.origins:
        where = f"  ({origin.place})" if origin.place is not None else ""
        yield visible(f"    {'' if origin.used else 'overridden: '}{origin.what} = {_shown(origin.value)}{where}")


def _shown(value: Any) -> str:
    from retrainctl.render.escape import json_text

    return json_text(value, indent=False)


def _json(value: Value) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(value), "origins": [asdict(origin) for origin in value.origins]}
