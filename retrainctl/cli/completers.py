"""What may stand at a place of the command line: commands, options, and names out of the project.

Names come from the project's files, from a ledger on disk, and from what is live where one call tells it: nothing here
starts the emulator or signs in. A project that cannot be read gives no names, and never an error: somebody is only
pressing a key.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from retrainctl.cli import live_names

if TYPE_CHECKING:
    from retrainctl.cli.live_names import Live
    from retrainctl.manifest.load import Loaded


class Candidate(NamedTuple):
    """A word that fits, and what to say of it."""

    value: str
    help: str = ""


class Asked(NamedTuple):
    """What is on the command line already: options with their values, arguments in order, and the environment."""

    options: Mapping[str, str]
    environ: Mapping[str, str]
    places: Sequence[str] = ()


_SHELLS: Final = ("bash", "zsh", "fish", "powershell")


def candidates(words: Sequence[str], environ: Mapping[str, str]) -> list[Candidate]:
    """The words that fit in place of the last of `words`, which is incomplete; none where files would fit."""
    *before, partial = words or [""]
    with suppress(Exception):
        return [one for one in _at(list(before), partial, environ) if one.value.startswith(partial)]
    return []


def _at(before: list[str], partial: str, environ: Mapping[str, str]) -> Iterator[Candidate]:
    from retrainctl.cli import app

    while before and before[0].startswith("-"):
        before.pop(0)
        if before and not before[0].startswith("-") and before[0] not in app.COMMANDS:
            before.pop(0)
    if not before:
        if partial.startswith("-"):
            yield from _options(app.root())
        else:
            yield from (Candidate(name, entry.help) for name, entry in app.COMMANDS.items())
        return
    name = before.pop(0)
    if name not in app.COMMANDS:
        return
    command = app.load(name)
    while before and before[0] in getattr(command, "commands", {}):
        command = command.commands[before.pop(0)]
    yield from _of_command(name, command, before, partial, environ)


def _of_command(
    name: str, command: Any, before: Sequence[str], partial: str, environ: Mapping[str, str]
) -> Iterator[Candidate]:
    below = getattr(command, "commands", None)
    if below:
        yield from (Candidate(one, _first_line(sub.help)) for one, sub in below.items())
        return
    flags = {text: param for param in command.params for text in getattr(param, "opts", ())}
    given: dict[str, str] = {}
    places: list[str] = []
    waiting: Any = None
    for word in before:
        if waiting is not None:
            given[max(waiting.opts, key=len)], waiting = word, None
        elif word.startswith("--") and "=" in word:
            option, _, value = word.partition("=")
            given[option] = value
        elif word.startswith("-") and word in flags:
            waiting = None if _flag(flags[word]) else flags[word]
        elif not word.startswith("-"):
            places.append(word)
    asked = Asked(options=given, environ=environ, places=places)
    if waiting is not None:
        yield from _values(name, waiting, asked)
    elif partial.startswith("--") and "=" in partial:
        option = partial.partition("=")[0]
        if option in flags:
            for one in _values(name, flags[option], asked):
                yield Candidate(f"{option}={one.value}", one.help)
    elif partial.startswith("-"):
        yield from _options(command)
    else:
        arguments = [param for param in command.params if param.param_type_name == "argument"]
        if arguments:
            yield from _values(name, arguments[min(len(places), len(arguments) - 1)], asked)


def _options(command: Any) -> Iterator[Candidate]:
    for param in command.params:
        if param.param_type_name == "option" and not getattr(param, "hidden", False):
            yield Candidate(max(param.opts, key=len), _first_line(getattr(param, "help", "")))
    yield Candidate("--help", "Show the command's help.")


def _values(command: str, param: Any, asked: Asked) -> Iterator[Candidate]:
    """What an option or an argument takes, by its choices, its name, or what its help calls it."""
    choices = getattr(param.type, "choices", None)
    if choices:
        yield from (Candidate(str(getattr(one, "value", one))) for one in choices)
        return
    source = (
        _BY_COMMAND.get(command) if param.param_type_name == "argument" else _BY_OPTION.get(max(param.opts, key=len))
    )
    if source is None:
        metavar = (param.metavar or "").strip("[].")
        source = _BY_METAVAR.get(metavar)
    if source is not None:
        yield from source(asked)


def _flag(param: Any) -> bool:
    return bool(getattr(param, "is_flag", False) or getattr(param, "count", False))


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0].replace("\t", " ")


# Sources of names


def _environments(asked: Asked) -> Iterator[Candidate]:
    loaded = _project(asked)
    yield from (Candidate(name) for name in loaded.project.environments)


def _addresses(asked: Asked) -> Iterator[Candidate]:
    loaded = _project(asked)
    names = {str(desired.address) for desired in loaded.desired}
    names |= {f"Retraining/{one.name}" for one in loaded.retrainings}
    yield from map(Candidate, sorted(names | set(_applied(loaded))))


def _models(asked: Asked) -> Iterator[Candidate]:
    for name, line in sorted(_project(asked).models.items()):
        yield Candidate(name, f"{len(line.versions)} versions")
        for version in line.versions:
            yield Candidate(version.label, version.trained_at or "")


def _versions(asked: Asked) -> Iterator[Candidate]:
    yield from (one for one in _models(asked) if "@" in one.value)


def _services(asked: Asked) -> Iterator[Candidate]:
    loaded = _project(asked)
    found = {desired.place.get("webService", "") for desired in loaded.desired}
    yield from _with_live(found, live_names.services, loaded, asked)


def _web_services(asked: Asked) -> Iterator[Candidate]:
    loaded = _project(asked)
    yield from _with_live(_declared(loaded, "WebService"), live_names.web_services, loaded, asked)


def _plans(asked: Asked) -> Iterator[Candidate]:
    loaded = _project(asked)
    yield from _with_live(_declared(loaded, "CommitmentPlan"), live_names.plans, loaded, asked)


def _endpoints(asked: Asked) -> Iterator[Candidate]:
    """A web service first, then one of its endpoints."""
    if not asked.places:
        yield from _services(asked)
        return
    loaded, service = _project(asked), asked.places[0]
    declared = {
        desired.place["name"]
        for desired in loaded.desired
        if desired.place.get("webService") == service and "name" in desired.place
    }
    yield from _with_live(declared, lambda live: live_names.endpoints(live, service), loaded, asked)


def _of_workspace(ask: Callable[[Live], Iterable[object]]) -> _Source:
    """What only the workspace knows."""
    return lambda asked: _with_live((), ask, _project(asked), asked)


def _nodes(asked: Asked) -> Iterator[Candidate]:
    experiment = asked.options.get("--experiment") or next(iter(asked.places), "")
    return _with_live((), lambda live: live_names.nodes(live, experiment), _project(asked), asked)


def _declared(loaded: Loaded, kind: str) -> set[str]:
    return {desired.address.name for desired in loaded.desired if desired.address.kind == kind}


def _with_live(
    names: Iterable[str], ask: Callable[[Live], Iterable[object]], loaded: Loaded, asked: Asked
) -> Iterator[Candidate]:
    found = {*names, *live_names.live_names(ask, loaded, asked.environ)}
    yield from map(Candidate, sorted(found - {""}))


def _runs(asked: Asked) -> Iterator[Candidate]:
    ledger = _ledger(_project(asked))
    if ledger is not None:
        yield Candidate("last")
        for run in reversed(ledger.runs()):
            yield Candidate(run.info.run, run.info.command)


def _codes(asked: Asked) -> Iterator[Candidate]:
    from retrainctl.codes import catalogue

    yield from (Candidate(name, code.title) for name, code in catalogue().items())


def _cmdlets(asked: Asked) -> Iterator[Candidate]:
    from retrainctl.parity import cmdlets

    yield from (Candidate(one.name, one.command) for one in cmdlets())


def _shells(asked: Asked) -> Iterator[Candidate]:
    yield from map(Candidate, _SHELLS)


_Source = Callable[[Asked], Iterator[Candidate]]
_BY_COMMAND: Final[Mapping[str, _Source]] = {
    "explain": _codes,
    "cmdlet": _cmdlets,
    "completion": _shells,
    "models": _models,
    "rollback": _runs,
    "webservice": _web_services,
    "commitment-plan": _plans,
    "endpoint": _endpoints,
}
_BY_OPTION: Final[Mapping[str, _Source]] = {
    "--env": _environments,
    "--only": _addresses,
    "--exclude": _addresses,
    "--model": _versions,
    "--commitment-plan": _plans,
}
_BY_METAVAR: Final[Mapping[str, _Source]] = {
    "ADDRESS": _addresses,
    "MODEL": _models,
    "SERVICE": _services,
    "RUN": _runs,
    "PLAN": _plans,
    "ENV": _environments,
    "EXPERIMENT": _of_workspace(live_names.experiments),
    "NODE": _nodes,
    "DATASET": _of_workspace(live_names.datasets),
    "FAMILY": _of_workspace(live_names.notebooks),
}


def _project(asked: Asked) -> Loaded:
    """The project as its files say, for the environment that is named so far."""
    from retrainctl.cli.options import DEFAULT_ENVIRONMENT
    from retrainctl.manifest.load import load
    from retrainctl.manifest.project import find_project

    named = asked.options.get("--project")
    file = find_project(Path.cwd(), Path(named) if named else None)
    environment = asked.options.get("--env") or asked.environ.get("RETRAINCTL_ENV") or DEFAULT_ENVIRONMENT
    return load(file, environment, {}, asked.environ)


def _applied(loaded: Loaded) -> Iterator[str]:
    """What was applied before, from a ledger that is on this disk."""
    ledger = _ledger(loaded)
    if ledger is not None:
        yield from (str(address) for address in ledger.applied())


def _ledger(loaded: Loaded) -> Any:
    place = loaded.environment.ledger or f".retrainctl/ledger/{loaded.environment.name}"
    if "://" in place or not (loaded.project.root / place).is_dir():
        return None
    from retrainctl.model.redaction import Redactor
    from retrainctl.wiring.clock import SystemClock
    from retrainctl.wiring.connect import Outside, open_ledger

    outside = Outside(environ=os.environ, clock=SystemClock(), redactor=Redactor())
    return open_ledger(loaded.project, loaded.environment, outside)
