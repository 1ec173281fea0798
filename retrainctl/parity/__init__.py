"""What every cmdlet of `Az.MachineLearning` and `AzureMLPS` is here: its command, and an option per parameter.

Data: the parity page, `retrainctl cmdlet` and one test per row are made from it.
"""

from __future__ import annotations

from retrainctl.parity.entry import NOT_REPRODUCED, Cmdlet, Parameter, Row

__all__ = ["NOT_REPRODUCED", "Cmdlet", "Parameter", "Row", "cmdlets", "find", "near", "rows"]


def cmdlets() -> tuple[Cmdlet, ...]:
    """Every cmdlet, those of New web services first, in the order of the modules' own help."""
    from retrainctl.parity import assets, azure, classic, experiments

    return (*azure.CMDLETS, *classic.CMDLETS, *assets.CMDLETS, *experiments.CMDLETS)


def rows() -> tuple[Row, ...]:
    """The table line by line: one for every cmdlet, one for every parameter of it."""
    return tuple(row for cmdlet in cmdlets() for row in cmdlet.rows)


def find(name: str) -> Cmdlet | None:
    """The cmdlet of a name in any case, also by its AzureRM name or an alias; None when there is none."""
    wanted = _plain(name)
    for cmdlet in cmdlets():
        if wanted in {_plain(one) for one in (cmdlet.name, *cmdlet.aliases)}:
            return cmdlet
    return None


def near(name: str) -> list[str]:
    """Cmdlets whose names look like this one, the nearest first."""
    from difflib import get_close_matches

    known = {_plain(cmdlet.name): cmdlet.name for cmdlet in cmdlets()}
    return [known[one] for one in get_close_matches(_plain(name), known, n=3, cutoff=0.6)]


def _plain(name: str) -> str:
    """Lower case, and the names of AzureRM as Az has them."""
    return name.strip().lower().replace("-azurermml", "-azml")
