"""The commands of `retrainctl models` that look into files: a path, or a declared version whose bytes are fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli import options
from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.errors import RetrainctlError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrainctl.render.style import Style

_HELP = "A file, or a declared version."


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


class Target(StrEnum):
    """What a model can become."""

    ONNX = "onnx"


Form = Annotated[Output, typer.Option("--output", help="The format.")]
Model = Annotated[str, typer.Argument(metavar="FILE|MODEL@VERSION", help=_HELP)]


def present(console: Console, document: Mapping[str, Any], output: Output, text: Callable[[Any, Style], str]) -> None:
    """The answer on stdout, as JSON or as text."""
    if output is Output.JSON:
        from retrainctl.render.escape import json_text

        console.result(json_text(document))
    else:
        console.result(text(document, console.style))


def inspect(
    context: typer.Context,
    model: Model,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    output: Form = Output.TEXT,
) -> int:
    """Tell what a model file is.

    Algorithm, settings, label, columns with their categories, size and hash.

    \b
    Examples:
      retrainctl models inspect model.ilearner
      retrainctl models inspect census@7 --output json

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations.model_reports import inspected
    from retrainctl.render.model_file_text import inspection_text

    with opened(context, [model], env, project, var) as (path,):
        document = inspected(model, path)
    present(Console.of(context), document, output, inspection_text)
    return Exit.DONE


def diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(metavar="A", help=_HELP)],
    after: Annotated[str, typer.Argument(metavar="B", help=_HELP)],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    output: Form = Output.TEXT,
) -> int:
    """Compare two models.

    Columns and categories gained and lost, label, settings, and the weights that moved most.

    \b
    Examples:
      retrainctl models diff old.ilearner new.ilearner
      retrainctl models diff census@6 census@7

    Exit codes: 0 done, whatever differs; 1 error; 64 usage error.
    """
    from retrainctl.operations.model_reports import compared
    from retrainctl.render.model_file_text import comparison_text

    with opened(context, [before, after], env, project, var) as (old, new):
        document = compared((before, after), old, new)
    present(Console.of(context), document, output, comparison_text)
    return Exit.DONE


def convert(
    context: typer.Context,
    model: Model,
    to: Annotated[Target, typer.Option("--to", help="What it shall become.")],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to; default: the model's name with .onnx, here.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Also compare it with the original on 1,000 generated rows.")
    ] = False,
) -> int:
    """Convert a model to ONNX.

    Raw columns in, label and probability out, the same weights.

    \b
    Examples:
      retrainctl models convert model.ilearner --to onnx --out model.onnx
      retrainctl models convert census@7 --to onnx --check

    Exit codes: 0 done; 1 error, nothing written; 64 usage error.
    """
    from retrainctl.cli.files import write_atomically
    from retrainctl.ilearner import conversion
    from retrainctl.ilearner.reader import read_model_file

    assert to is Target.ONNX
    console = Console.of(context)
    target = out if out is not None else _named(model)
    with opened(context, [model], env, project, var) as (path,):
        read = read_model_file(path)
        data = conversion.convert(read)
    try:
        write_atomically(target, data)
    except OSError as error:
        raise RetrainctlError(
            f"cannot write {target}: {(error.strerror or str(error)).lower()}",
            code="RC007",
            hint="Check that its folder exists, is writable and has space.",
        ) from error
    console.message(f"wrote {target}: {len(data):,} bytes")
    if check:
        deviation = conversion.verify(read, data)
        console.message(
            f"{deviation.rows:,} generated rows: probabilities differ by {deviation.largest_probability:.3g} at most, "
            f"{deviation.different_labels:,} labels differ"
        )
    return Exit.DONE


def score(
    context: typer.Context,
    model: Model,
    rows: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="Rows: CSV with a header, or JSON.")
    ] = None,
    example: Annotated[
        Path | None,
        typer.Option(
            "--example", metavar="DEFINITION", help="Score as this service would; its example request without --input."
        ),
    ] = None,
    transformed: Annotated[
        bool, typer.Option("--transformed", help="Rows are as they leave the service's own modules.")
    ] = False,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    output: Form = Output.TEXT,
) -> int:
    """Score rows on this machine.

    What stands between these scores and those of the service is said below them.

    \b
    Examples:
      retrainctl models score model.ilearner --input rows.csv
      retrainctl models score model.onnx --example service.json --output json

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    from retrainctl.operations.model_reports import scored
    from retrainctl.render.model_file_text import scores_text

    if rows is None and example is None:
        raise UsageError(
            "no rows are given", hint="Pass --input FILE, or --example DEFINITION for its example request."
        )
    with opened(context, [model], env, project, var) as (path,):
        document = scored(path, rows=rows, definition=example, transformed=transformed)
    present(Console.of(context), document, output, scores_text)
    return Exit.DONE


@contextmanager
def opened(
    context: typer.Context, models: Sequence[str], env: str | None, project: Path, var: Sequence[str] | None
) -> Iterator[tuple[Path, ...]]:
    """The models as files. Only a version needs a project: a path is read wherever it is."""
    with ExitStack() as stack:
        fetch = None
        paths = []
        for text in models:
            path = Path(text)
            if not _is_version(text, path):
                paths.append(path)
                continue
            fetch = fetch or _fetcher(context, env, project, var, stack)
            paths.append(fetch(text))
        yield tuple(paths)


def _is_version(text: str, path: Path) -> bool:
    name, sign, version = text.rpartition("@")
    return bool(name and sign and version.isdecimal()) and not path.exists()


def _fetcher(
    context: typer.Context, env: str | None, project: Path, var: Sequence[str] | None, stack: ExitStack
) -> Callable[[str], Path]:
    from retrainctl.cli.planning import MODEL_COPIES
    from retrainctl.cli.session import Session
    from retrainctl.ilearner.limits import DEFAULT_LIMITS
    from retrainctl.operations.model_files import ModelFiles
    from retrainctl.operations.models import find_version

    session = Session.open(context, env, project, var)
    root = session.loaded.project.root
    files = stack.enter_context(
        ModelFiles(root=root, store=session.blobs, cache=root / MODEL_COPIES, largest=DEFAULT_LIMITS.file_bytes)
    )

    def fetch(reference: str) -> Path:
        version = find_version(session.loaded, reference)
        copy = files.copy(version)
        if version.sha256 is not None and version.sha256 != copy.sha256:
            session.console.message(
                f"warning[RC659]: {version.label} has other bytes than declared: its SHA-256 is {copy.sha256}"
            )
        return copy.path

    return fetch


def _named(model: str) -> Path:
    """The name of the converted file, in the current folder; raises `RetrainctlError` when it is taken."""
    from retrainctl.operations.adopting import slug

    path = Path(model)
    target = Path(f"{slug(model)}.onnx" if _is_version(model, path) else f"{path.stem}.onnx")
    if target.exists():
        raise RetrainctlError(f"{target} is already there", code="RC004", hint="Name the file with --out.")
    return target
