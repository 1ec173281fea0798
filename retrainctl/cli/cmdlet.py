"""`retrainctl cmdlet NAME`: the command that does what a PowerShell cmdlet does. Offline."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.errors import UsageError

if TYPE_CHECKING:
    from retrainctl.parity import Cmdlet, Parameter


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


app = typer.Typer(add_completion=False)


# What follows the cmdlet is PowerShell's, not ours: `-Overwrite` must not be read as `-v` and others.
@app.command(context_settings={"allow_interspersed_args": False})
def command(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="CMDLET [-PARAMETER [VALUE]]...", help="As in PowerShell, in any case."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="List every cmdlet with its command.")] = False,
    output: Annotated[Output, typer.Option("--output", help="The format.")] = Output.TEXT,
) -> int:
    """Give the command that does what a PowerShell cmdlet does.

    With parameters it gives the whole command line; without, the table of the
    cmdlet's parameters. Options of this command come before the cmdlet.

    \b
    Examples:
      retrainctl cmdlet Get-AzMlWebService
      retrainctl cmdlet Get-AzMlWebService -Name census
      retrainctl cmdlet --all

    Exit codes: 0 done; 64 unknown cmdlet or parameter.
    """
    from retrainctl.render.escape import json_text

    console = Console.of(context)
    if everything:
        console.result(json_text(_all()) if output is Output.JSON else "\n".join(_listed(console)))
        return Exit.DONE
    if not words:
        raise UsageError("which cmdlet?", hint="Give one, such as Get-AzMlWebService, or --all for the list.")
    cmdlet = _find(words[0])
    line = equivalent(cmdlet, words[1:])
    if output is Output.JSON:
        console.result(json_text({**_data(cmdlet), "line": line}))
    elif len(words) > 1:
        console.result(line or cmdlet.note)
    else:
        console.result("\n".join(_explained(cmdlet, console)))
    return Exit.DONE


def equivalent(cmdlet: Cmdlet, words: Sequence[str]) -> str | None:
    """The command line for a cmdlet with parameters as PowerShell takes them; None where nothing does the same.

    Raises `UsageError` for a parameter that the cmdlet does not have, or that has no counterpart.
    """
    if not cmdlet.command:
        return None
    given = list(_given(cmdlet, words))
    chosen = cmdlet.command
    for parameter, _ in given:
        chosen = cmdlet.given.get(parameter.name, chosen)
    arguments: dict[str, str] = {}
    options: dict[str, list[str]] = {}
    for parameter, value in sorted(given, key=lambda one: one[0].joined):
        option = parameter.option
        if not option:
            raise UsageError(f"-{parameter.name} of {cmdlet.name}: {parameter.note}")
        if not option.startswith("-"):
            arguments[option] = value if parameter.value in ("", "-") else parameter.value
        elif parameter.value == "-":
            continue  # what it asks for is so without it
        elif parameter.switch:
            options.setdefault(option, [option])
        elif parameter.joined and option in options:
            options[option][1] = f"{options[option][1].rstrip('/')}/{value.lstrip('/')}"
        elif option == "--env":
            options.setdefault(option, [option, "NAME"])
        else:
            options.setdefault(option, [option, parameter.value or value])
    wanted = [one.option for one in cmdlet.parameters if _positional(one) and _taken(cmdlet, one, chosen)]
    line = ["retrainctl", *chosen.split()]
    line += [shlex.quote(arguments[name]) if name in arguments else name for name in dict.fromkeys(wanted)]
    for texts in options.values():
        line += [texts[0], *(shlex.quote(text) for text in texts[1:])]
    return " ".join(line)


def _given(cmdlet: Cmdlet, words: Sequence[str]) -> Iterator[tuple[Parameter, str]]:
    """Parameters with their values; `-Name:value` and `-Switch:$true` as PowerShell has them."""
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word.startswith("--"):
            raise UsageError(f"{word} comes before the cmdlet", hint=f"Write retrainctl cmdlet {word} {cmdlet.name}.")
        if not word.startswith("-") or word == "-":
            raise UsageError(f"{word}: the cmdlets take no value without a parameter", hint="Write it as -Name VALUE.")
        name, colon, value = word.partition(":")
        parameter = cmdlet.parameter(name)
        if parameter is None:
            raise _unknown_parameter(cmdlet, name)
        if parameter.switch:
            if value.casefold() != "$false":
                yield parameter, ""
            continue
        if not colon:
            if not waiting:
                raise UsageError(f"{name} needs a value", hint=f"Write {name} VALUE.")
            value = waiting.pop(0)
        yield parameter, value


def _positional(parameter: Parameter) -> bool:
    return bool(parameter.option) and not parameter.option.startswith("-")


def _taken(cmdlet: Cmdlet, parameter: Parameter, chosen: str) -> bool:
    """Whether the chosen command takes an argument: one of another command is not asked for."""
    return cmdlet.command_for(parameter) in (chosen, cmdlet.command)


def _find(name: str) -> Cmdlet:
    from retrainctl.parity import find, near

    found = find(name)
    if found is None:
        close = near(name)
        hint = f"Did you mean {' or '.join(close)}?" if close else "retrainctl cmdlet --all lists every cmdlet."
        raise UsageError(f"there is no cmdlet {name} in Az.MachineLearning or AzureMLPS", hint=hint)
    return found


def _unknown_parameter(cmdlet: Cmdlet, name: str) -> UsageError:
    from difflib import get_close_matches

    known = {parameter.name.lower(): parameter.name for parameter in cmdlet.parameters}
    near = get_close_matches(name.lstrip("-").lower(), known, n=2)
    hint = f"Did you mean -{' or -'.join(known[one] for one in near)}?" if near else None
    if hint is None:
        hint = "It has " + ", ".join(f"-{one}" for one in known.values()) + "."
    return UsageError(f"{cmdlet.name} has no parameter {name}", hint=hint)


def _explained(cmdlet: Cmdlet, console: Console) -> Iterator[str]:
    from retrainctl.render.style import wrapped
    from retrainctl.render.table import table

    style = console.style
    if not cmdlet.command:
        yield from wrapped(f"{cmdlet.name} is {cmdlet.note}.", style)
        return
    yield str(equivalent(cmdlet, ()))
    for name, other in cmdlet.given.items():
        yield f"{equivalent(cmdlet, (f'-{name}', _placeholder(cmdlet, name)))}   with -{name}: {other}"
    if cmdlet.note:
        yield ""
        yield from wrapped(cmdlet.note, style)
    if cmdlet.parameters:
        yield ""
        rows = [(f"-{row.parameter}", row.option, row.note) for row in cmdlet.rows if row.parameter]
        yield from table(("Parameter", "Here", "Note"), rows, style, indent=0)


def _placeholder(cmdlet: Cmdlet, name: str) -> str:
    parameter = cmdlet.parameter(name)
    return parameter.option if parameter is not None else "VALUE"


def _listed(console: Console) -> Iterator[str]:
    from retrainctl.parity import cmdlets
    from retrainctl.render.table import table

    rows = [(one.name, one.command or one.note) for one in cmdlets()]
    yield from table(("Cmdlet", "Command"), rows, console.style, indent=0)


def _all() -> list[dict[str, Any]]:
    from retrainctl.parity import cmdlets

    return [_data(cmdlet) for cmdlet in cmdlets()]


def _data(cmdlet: Cmdlet) -> dict[str, Any]:
    return {
        "cmdlet": cmdlet.name,
        "module": cmdlet.module,
        "command": cmdlet.command or None,
        "note": cmdlet.note or None,
        "parameters": [
            {
                "name": row.parameter,
                "command": row.command or None,
                "option": row.option or None,
                "note": row.note or None,
            }
            for row in cmdlet.rows
            if row.parameter
        ],
    }
