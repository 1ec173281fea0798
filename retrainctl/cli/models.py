"""`retrainctl models`: model versions and the files behind them.

Looking into a file needs no project, so what reads projects is imported by the commands that need one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrainctl.cli import model_files, model_package, options
from retrainctl.cli.exits import Exit
from retrainctl.cli.model_files import Form, Output, present

app = typer.Typer(
    help="List, verify, inspect, compare, convert and score models.",
    epilog="\b\nExample:\n  retrainctl models list --env prod\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command("list")
def list_models(
    context: typer.Context,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    output: Form = Output.TEXT,
) -> int:
    """List the declared models and which slots use them.

    \b
    Example: retrainctl models list --env prod

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.cli.session import Session
    from retrainctl.operations.models import listing
    from retrainctl.render.models_text import models_text

    session = Session.open(context, env, project, var)
    present(session.console, listing(session.loaded), output, models_text)
    return Exit.DONE


@app.command()
def show(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL[@VERSION]", help="A declared model, or one version of it.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    output: Form = Output.TEXT,
) -> int:
    """Show the versions of a model. Where they are, hash, metrics, origin, and who uses them; asks nobody.

    \b
    Examples:
      retrainctl models show census
      retrainctl models show census@7 --output json

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.cli.session import Session
    from retrainctl.operations.models import description
    from retrainctl.render.models_text import model_text

    session = Session.open(context, env, project, var)
    present(session.console, description(session.loaded, model), output, model_text)
    return Exit.DONE


@app.command()
def verify(
    context: typer.Context,
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL[@VERSION]]...", help="Only these; default: every version.")
    ] = None,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=64, metavar="N", help="Blobs at one time.")] = 8,
    output: Form = Output.TEXT,
) -> int:
    """Check that versions are there, with their recorded bytes.

    Also whether they are empty, and whether the signature that they are reached with lasts another week.

    \b
    Examples:
      retrainctl models verify --env prod
      retrainctl models verify census@7

    Exit codes: 0 no findings; 1 findings, or an error; 64 usage error.
    """
    from retrainctl.cli.session import Session
    from retrainctl.operations.model_checks import Verifier, report
    from retrainctl.operations.models import chosen
    from retrainctl.render.models_text import checks_text

    session = Session.open(context, env, project, var, parallel=parallel)
    versions = chosen(session.loaded, models or ())
    with session.console.progress() as observer:
        found = Verifier(
            store=session.blobs,
            root=session.loaded.project.root,
            now=session.outside.clock.now(),
            observer=observer,
            parallel=parallel,
        )(versions)
    present(session.console, report(session.loaded.environment.name, found), output, checks_text)
    return Exit.ERROR if any(checked.findings for checked in found) else Exit.DONE


@app.command()
def download(
    context: typer.Context,
    version: Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="A declared version.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to; default: MODEL-VERSION.ilearner here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> int:
    """Download a version. The file is whole and has the recorded hash, or it is not written.

    \b
    Example: retrainctl models download census@7 --out census.ilearner

    Exit codes: 0 done; 1 error, nothing written; 64 usage error.
    """
    from retrainctl.cli.session import Session
    from retrainctl.operations.model_download import download as fetch
    from retrainctl.operations.model_download import file_name
    from retrainctl.operations.models import find_version

    session = Session.open(context, env, project, var)
    wanted = find_version(session.loaded, version)
    target = out if out is not None else Path(file_name(wanted))
    got = fetch(wanted, session.blobs, session.loaded.project.root, target, replace=force)
    checked = "as declared" if got.checked else "no hash is declared"
    session.console.message(f"wrote {got.path}: {got.size:,} bytes, sha256 {got.sha256} ({checked})")
    return Exit.DONE


for _command in (model_files.inspect, model_files.diff, model_files.convert, model_files.score, model_package.package):
    app.command()(_command)
