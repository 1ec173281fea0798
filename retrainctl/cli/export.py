"""`retrainctl export`: a live definition as JSON, byte for byte as the cmdlet writes it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from retrainctl.cli import options
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError


class ApiVersion(StrEnum):
    STABLE = "2017-01-01"
    PREVIEW = "2016-05-01-preview"


def command(
    context: typer.Context,
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS|adf", help="WebService/NAME, the service's name, or adf for Data Factory.")
    ],
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="PATH", help="Write to a file instead of stdout; for adf: a folder.")
    ] = None,
    api_version: Annotated[
        ApiVersion, typer.Option("--api-version", help="The form: 2016 has text parameters and the name.")
    ] = ApiVersion.STABLE,
    crlf: Annotated[bool, typer.Option("--crlf", help="Windows line ends, as the cmdlet writes there.")] = False,
    key_vault: Annotated[
        str | None, typer.Option("--key-vault", metavar="NAME", help="adf: refer to all secrets in this key vault.")
    ] = None,
    resolve: Annotated[
        bool, typer.Option("--resolve", help="adf: ask the services for their addresses (needs credentials).")
    ] = False,
) -> int:
    """Write the live definition of a web service, without secrets; or the retrainings for Data Factory.

    \b
    Examples:
      retrainctl export WebService/census --out census.json
      retrainctl export census --api-version 2016-05-01-preview
      retrainctl export adf --env prod --out adf/

    Exit codes: 0 done; 1 error; 64 usage error.
    """
    if address == "adf":
        from retrainctl.cli.export_adf import export_adf

        return export_adf(context, env, project, var, out, key_vault=key_vault, resolve=resolve)
    if key_vault is not None or resolve:
        raise UsageError("--key-vault and --resolve are for `export adf`")
    from retrainctl.model.address import Address
    from retrainctl.operations.exports import export_one

    session = Session.open(context, env, project, var, lenient=True)
    try:
        wanted = Address.parse(address) if "/" in address else Address("WebService", address)
    except ValueError as error:
        raise UsageError(str(error), hint="Write for example WebService/census.") from error
    if wanted.kind != "WebService":
        raise UsageError(f"a {wanted.kind} has no definition", hint="Export a WebService.")
    newline = "\r\n" if crlf else "\n"
    data = export_one(wanted, session.loaded.desired, session.targets, api_version=api_version.value, newline=newline)
    if out is None:
        session.console.result(data.decode())
    else:
        from retrainctl.cli.files import write_atomically

        write_atomically(out, data)
        session.console.message(f"wrote {out}")
    return Exit.DONE
