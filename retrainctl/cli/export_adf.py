"""`retrainctl export adf`: the retrainings as Data Factory artefacts, in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import RetrainctlError, UsageError
from retrainctl.render.style import count

_SHOWN = 12


def export_adf(
    context: typer.Context,
    env: str | None,
    project: Path,
    var: Sequence[str] | None,
    out: Path | None,
    *,
    key_vault: str | None,
    resolve: bool,
) -> int:
    """Writes pipelines, datasets, linked services and triggers; says what is left to be filled in."""
    from retrainctl.operations.adf import factory_of
    from retrainctl.operations.retraining import choose
    from retrainctl.wiring.services import service_directory

    if out is None:
        raise UsageError("export adf writes a folder", hint="Pass --out FOLDER.")
    session = Session.open(context, env, project, var)
    loaded = session.loaded
    directory = service_directory(loaded.project, loaded.environment, session.outside) if resolve else None
    factory = factory_of(loaded, choose(loaded, ()), key_vault=key_vault, directory=directory)
    _write(out, factory.texts())
    console = session.console
    console.result(f"wrote {count(len(factory.files), 'file')} to {out}")
    for placeholder, files in list(factory.missing.items())[:_SHOWN]:
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        console.message(f"fill in {placeholder} in {out / files[0]}{more}")
    if len(factory.missing) > _SHOWN:
        console.message(f"and {len(factory.missing) - _SHOWN} more values; --resolve asks the services for addresses")
    return Exit.DONE


def _write(folder: Path, texts: dict[str, bytes]) -> None:
    from retrainctl.cli.files import write_atomically

    try:
        for name, data in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data)
    except OSError as error:
        raise RetrainctlError(
            f"cannot write {error.filename or folder}: {error.strerror}", code="RC007", hint="Check the folder."
        ) from error
