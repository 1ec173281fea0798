"""One cmdlet with its parameters, and the rows that the table has of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

NOT_REPRODUCED: Final = "not reproduced: "
"""How the reason begins that stands in place of a command or an option."""


class Parameter(NamedTuple):
    """One parameter.

    name: without the dash. option: `--name`, or `NAME` for an argument of the command; empty where `note` says why
    there is none. command: where another one than the cmdlet's own takes it. switch: it takes no value. note: what
    differs; begins with `not reproduced: ` where there is no option. value: what the option is given in place of the
    parameter's own value; `-`: nothing, it is so without it. joined: its value is the rest of the address that another
    parameter gives the option.
    """

    name: str
    option: str
    note: str = ""
    command: str = ""
    switch: bool = False
    value: str = ""
    joined: bool = False


class Row(NamedTuple):
    """One line of the table: a cmdlet (`parameter` empty) or one of its parameters."""

    cmdlet: str
    parameter: str
    command: str
    option: str
    note: str

    @property
    def reproduced(self) -> bool:
        """Whether a command does it; else `note` says why not."""
        return not self.note.startswith(NOT_REPRODUCED)


class Cmdlet(NamedTuple):
    """One cmdlet.

    module: `Az.MachineLearning` or `AzureMLPS`. command: what does the same; empty where `note` says why nothing does.
    given: parameter -> the command that takes over when it is given. note: what differs on purpose.
    """

    name: str
    module: str
    command: str
    parameters: tuple[Parameter, ...] = ()
    note: str = ""
    given: Mapping[str, str] = {}
    aliases: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        own = Row(self.name, "", self.command, "", self.note)
        return (own, *(self._row(parameter) for parameter in self.parameters))

    def command_for(self, parameter: Parameter) -> str:
        """The command whose option a parameter is."""
        return parameter.command or self.given.get(parameter.name) or self.command

    def parameter(self, name: str) -> Parameter | None:
        """A parameter by its name in any case, or by a beginning that only it has, as PowerShell takes it."""
        wanted = name.lower().lstrip("-")
        exact = [one for one in self.parameters if one.name.lower() == wanted]
        begun = [one for one in self.parameters if one.name.lower().startswith(wanted)]
        return exact[0] if exact else begun[0] if len(begun) == 1 else None

    def _row(self, parameter: Parameter) -> Row:
        note = parameter.note
        if not self.command and not note:
            note = self.note
        gone = note.startswith(NOT_REPRODUCED)
        return Row(self.name, parameter.name, "" if gone else self.command_for(parameter), parameter.option, note)
