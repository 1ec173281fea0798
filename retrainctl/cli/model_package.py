"""`retrainctl models package`: a model as the files that an Azure Machine Learning deployment takes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from retrainctl.cli import options
from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.cli.model_files import Model, opened
from retrainctl.errors import RetrainctlError


class Form(StrEnum):
    """What the package is for."""

    MLFLOW = "mlflow"
    SCRIPT = "script"


def package(
    context: typer.Context,
    model: Model,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder for the files.")],
    form: Annotated[
        Form, typer.Option("--as", help="For a deployment without code, or with a script of its own.")
    ] = Form.MLFLOW,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
) -> int:
    """Write what an Azure ML v2 deployment of a model takes.

    `mlflow`: a folder to register as mlflow_model, without code. `script`: the
    ONNX model, a scoring script and the packages of its environment.

    \b
    Examples:
      retrainctl models package model.ilearner --out package
      retrainctl models package census@7 --as script --out package

    Exit codes: 0 done; 1 error, nothing written; 64 usage error.
    """
    from retrainctl.ilearner import packaging
    from retrainctl.ilearner.files import load_bytes
    from retrainctl.ilearner.limits import DEFAULT_LIMITS

    console = Console.of(context)
    if out.exists():
        raise RetrainctlError(f"{out} is already there", code="RC004", hint="Name another folder with --out.")
    with opened(context, [model], env, project, var) as (path,):
        made = packaging.package(load_bytes(path, DEFAULT_LIMITS), form=packaging.Form(form))
    for name, data in sorted(made.files.items()):
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        console.result(f"wrote {target}: {len(data):,} bytes\n")
    console.message(
        f"register it as {made.model_type}; the model was made from the file with SHA-256 {made.source_sha256}"
    )
    return Exit.DONE
