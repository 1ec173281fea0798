"""`retrainctl graph`: which model serves where, as text or as a picture."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from retrainctl.cli import options, planning
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError


class Output(StrEnum):
    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"
    JSON = "json"


def command(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    output: Annotated[Output, typer.Option("--output", help="The format.")] = Output.TEXT,
    plan: Annotated[
        Path | None, typer.Option("--plan", metavar="FILE", help="A saved plan whose changes are marked.")
    ] = None,
    only: planning.Only = None,
    most: Annotated[
        int, typer.Option("--most", metavar="N", min=1, help="With more nodes, fold those that differ in numbers only.")
    ] = 100,
    every: Annotated[bool, typer.Option("--all", help="Fold nothing.")] = False,
) -> int:
    """Show training services, models, versions, and the services and endpoints that serve them. Asks nobody.

    \b
    Examples:
      retrainctl graph --env prod
      retrainctl graph --output mermaid --plan plan.json
      retrainctl graph --output svg > models.svg

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations import graphing
    from retrainctl.render import graph as render
    from retrainctl.render.formats import cleaned

    session = Session.open(context, env, project, var)
    document = None
    if plan is not None:
        from retrainctl.cli.show import read_plan

        document = read_plan(plan, session.console)
        if document.get("environment") != session.loaded.environment.name:
            raise UsageError(
                f"{plan} is a plan of {document.get('environment')}, not of {session.loaded.environment.name}",
                hint="Name the plan's environment with --env.",
            )
    made = graphing.graph(session.loaded, plan=document, only=tuple(only or ()), most=None if every else most)
    data = cleaned(graphing.data(made), session.console.redactor)
    forms = {
        Output.TEXT: lambda: render.graph_text(data, session.console.style),
        Output.MERMAID: lambda: render.graph_mermaid(data),
        Output.DOT: lambda: render.graph_dot(data),
        Output.SVG: lambda: render.graph_svg(data),
        Output.JSON: lambda: render.graph_json(data),
    }
    session.console.result(forms[output]())
    return Exit.DONE
