"""Options that mean the same for every command, and what their values turn into."""

# No `annotations` of `__future__` here: Typer would compile the text of each one again at every start.

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from retrainctl.cli.console import Colour, Console
from retrainctl.errors import UsageError

DEFAULT_ENVIRONMENT: Final = "local"

Env = Annotated[
    str | None,
    typer.Option("--env", metavar="NAME", help="Environment. Default: $RETRAINCTL_ENV, else local."),
]
ProjectFile = Annotated[Path, typer.Option("--project", metavar="FILE", help="The project file.")]
DEFAULT_PROJECT: Final = Path("retrainctl.yaml")
Var = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="Set a variable; may be repeated. Also $RETRAINCTL_VAR_NAME."),
]


def environment_name(value: str | None, console: Console) -> str:
    """The environment that `--env`, else `RETRAINCTL_ENV`, else the default names."""
    return value or console.environ.get("RETRAINCTL_ENV") or DEFAULT_ENVIRONMENT


def variables(values: Sequence[str] | None) -> dict[str, str]:
    """What `--var name=value` sets. Raises `UsageError` for another form."""
    found = {}
    for text in values or ():
        name, sign, value = text.partition("=")
        if not (name and sign):
            raise UsageError(f"--var {text}: not of the form NAME=VALUE", hint="Write for example --var maxRmse=55.")
        found[name] = value
    return found


# Both stand before and after the command's name; a default must not undo what the other place said.
def _set_colour(context: typer.Context, value: Colour) -> Colour:
    if value is not Colour.AUTO:
        Console.of(context).colour = value
    return value


def _listen(context: typer.Context, value: int) -> int:
    if value:
        Console.of(context).listen(value)
    return value


def _everywhere(
    color: Annotated[
        Colour, typer.Option("--color", callback=_set_colour, help="Colour on the terminal.")
    ] = Colour.AUTO,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose", "-v", count=True, callback=_listen, show_default=False, help="Say more; -vv also every call."
        ),
    ] = 0,
) -> None:
    """Carries the options that every command has."""


def common_parameters() -> list[Any]:
    """`--color` and `-v` as parameters for a built command: they act on the console, the command never sees them."""
    carrier = typer.Typer(add_completion=False)
    carrier.command()(_everywhere)
    parameters = list(typer.main.get_command(carrier).params)
    for parameter in parameters:
        parameter.expose_value = False
    return parameters
