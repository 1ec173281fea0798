"""Experiments for single commands: what they are called, their way into a file and back, copies of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from retrainctl.errors import RetrainctlError, UsageError
from retrainctl.model.address import Address
from retrainctl.model.values import JsonObject
from retrainctl.ports import NotFound, Waiter
from retrainctl.targets.studio import packages, saving
from retrainctl.targets.studio.cleaning import cleaned, hides_something
from retrainctl.targets.studio.client import StudioClient
from retrainctl.targets.studio.experiments import id_of, list_experiments, name_of
from retrainctl.targets.studio.graph import assets_used, modules_used

_ASSETS: Final = ("DataSourceId", "TrainedModelId", "TransformModuleId")
"""What an input port names an asset by (6.2)."""

_MICROSOFT: Final = "506153734175476c4f62416c57734963"
"""The workspace of Microsoft's own modules and samples, which every other one reads (section 1)."""


def address_of(experiment: JsonObject) -> Address:
    """What history, `protect` and `freeze` know an experiment under: `Experiment/` and its name."""
    return Address("Experiment", name_of(experiment))


def with_names(ancestors: Sequence[JsonObject]) -> str:
    """The ancestors of an experiment as the rest of a sentence; nothing for none."""
    if not ancestors:
        return ""
    names = ", ".join(f'"{name_of(one)}"' for one in ancestors)
    return f" with its ancestor{'s' if len(ancestors) > 1 else ''} {names}"


def must_be_new(studio: StudioClient, name: str, *, where: str = "the workspace", hint: str) -> None:
    """Raises `RetrainctlError` (RC900) where an experiment has the name already, `UsageError` where there is none.

    The service would take it, and from then on the name would not say which one is meant.
    """
    if not name.strip():
        raise UsageError("the experiment needs a name", hint="Pass --name.")
    if any(one.get("Description") == name for one in list_experiments(studio)):
        raise RetrainctlError(f'{where} has an experiment "{name}" already', code="RC900", hint=hint)


def exported(experiment: JsonObject) -> tuple[str, list[str]]:
    """An experiment as the text of a file, and the places of its graph where a secret was left out.

    Credentials of outputs go without a word: they end after hours, and an import does not need them.
    """
    text = json.dumps(cleaned(experiment), ensure_ascii=False, indent=2)
    graph: Any = experiment.get("Graph") or {}
    shown = dict(_texts(cleaned(graph)))
    return text + "\n", [where for where, value in _texts(graph) if shown.get(where) not in (value, None)]


def from_file(path: Path) -> JsonObject:
    """An experiment as `experiment export` or Export-AmlExperimentGraph wrote it.

    Raises `RetrainctlError`: RC005: no readable file; RC949: not an experiment.
    """
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise RetrainctlError(
            f"cannot read {path}: {(error.strerror or str(error)).lower()}", code="RC005", hint="Check the path."
        ) from error
    except (UnicodeDecodeError, ValueError) as error:
        raise _unfit(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("Graph"), dict):
        raise _unfit(f"{path} is not an experiment: it has no member Graph")
    if not isinstance(found.get("Description"), str) or not found["Description"]:
        raise _unfit(f"{path} has no member Description, the experiment's name")
    return found


def over(studio: StudioClient, given: JsonObject) -> JsonObject:
    """What an import over the experiment of a file's id saves: the file's content, the live one's identity.

    Secrets that the export left out are taken from the live one where it has the same text without them.

    Raises `RetrainctlError`: RC949: the workspace has no such experiment, or a secret is not in it.
    """
    identifier, anew = id_of(given), "Leave --overwrite out: then the file becomes a new experiment."
    if not identifier:
        raise RetrainctlError("the file has no ExperimentId to write over", code="RC949", hint=anew)
    try:
        live = studio.object(studio.url("experiments", identifier), f'read experiment "{identifier}"')
    except NotFound as error:
        raise RetrainctlError(
            f'the workspace has no experiment "{identifier}" to write over', code="RC949", hint=anew
        ) from error
    kept = {name: live.get(name) for name in ("ExperimentId", "ParentExperimentId", "Etag", "DisableNodesUpdate")}
    return {**given, **kept, "Graph": complete(given["Graph"], live.get("Graph"))}


def complete(graph: Any, live: Any = None) -> Any:
    """A graph with the secrets that an export left out, as the live one has them.

    Raises `RetrainctlError` (RC949) naming the places whose secret is not known.
    """
    shown, whole = dict(_texts(cleaned(live or {}))), dict(_texts(live))
    known: dict[str, set[str]] = {}
    for where, without in shown.items():
        if whole[where] != without:
            known.setdefault(without, set()).add(whole[where])
    twice = {
        where for tree in (graph, live) for where, times in Counter(w for w, _ in _texts(tree)).items() if times > 1
    }
    found: dict[str, str] = {}
    missing: list[str] = []
    for where, value in _texts(graph):
        if not hides_something(value):
            continue
        # In its own place, else wherever the live one has the same text without its secret.
        own = shown.get(where) == value and where not in twice
        some = {whole[where]} if own else known.get(value, set())
        if len(some) == 1:
            found[where] = next(iter(some))
        else:
            missing.append(where)
    if missing:
        raise RetrainctlError(
            f"the file lacks a secret that an export left out: {', '.join(missing)}",
            code="RC949",
            hint="Write it into the file in place of (sensitive), or import over the experiment that it comes from.",
        )
    return _filled(graph, found)


def copy_over(
    source: StudioClient, experiment: JsonObject, target: StudioClient, region: str, name: str | None, waiter: Waiter
) -> str:
    """Brings an experiment into another workspace by a package; gives the new one's id.

    region: the location of the source's workspace. name: what the new one is called; None: as the old one.

    Raises:
        RetrainctlError: RC948: packing or unpacking failed. RC942: it arrived, but nobody can tell which one it is, so
            that it got no name.
    """
    package = packages.pack(source, experiment, waiter)
    found = _arrived(unpacked(target, str(package["Location"]), region, waiter), experiment)
    if name is not None and name != found.get("Description"):
        whole = target.object(target.url("experiments", id_of(found)), f'read experiment "{name_of(found)}"')
        saving.save(target, whole, waiter, name=name)
    return id_of(found)


def unpacked(target: StudioClient, package: str, region: str, waiter: Waiter) -> list[JsonObject]:
    """Unpacks a package; gives the experiments that the workspace has since then, since no answer names one.

    Raises `RetrainctlError` (RC948), `TargetError`.
    """
    before = {id_of(one) for one in list_experiments(target)}
    packages.unpack(target, package, region, waiter)
    return [one for one in list_experiments(target) if id_of(one) not in before]


def _arrived(new: Sequence[JsonObject], source: JsonObject) -> JsonObject:
    """The one of the new experiments that is the copy. Raises `RetrainctlError` (RC942)."""
    named = [one for one in new if one.get("Description") == source.get("Description")]
    found = named if len(new) > 1 else new
    if len(found) == 1:
        return found[0]
    raise RetrainctlError(
        f'experiment "{name_of(source)}" was copied, but {len(new)} new ones are in the workspace now',
        code="RC942",
        hint="`retrainctl experiment list` shows them; none was renamed.",
    )


def foreign_assets(experiment: JsonObject, workspace: str) -> list[str]:
    """The workspaces whose datasets, models, transforms or modules an experiment uses; Microsoft's own left out."""
    assets = [use for member in _ASSETS for use in assets_used(experiment, member)]
    uses = [use.identifier for use in (*assets, *modules_used(experiment))]
    owners = {identifier.partition(".")[0].casefold() for identifier in uses if identifier.count(".") > 1}
    return sorted(owners - {workspace.casefold(), _MICROSOFT})


def _unfit(message: str) -> RetrainctlError:
    return RetrainctlError(message, code="RC949", hint="Take a file that `retrainctl experiment export` wrote.")


def _texts(tree: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a graph with its place; a member of a list by its name or its id where it has one."""
    if isinstance(tree, str):
        yield where, tree
    elif isinstance(tree, Mapping):
        for name, item in tree.items():
            yield from _texts(item, f"{where}.{name}" if where else name)
    elif isinstance(tree, list | tuple):
        for number, item in enumerate(tree):
            yield from _texts(item, _place(where, number, item))


def _place(where: str, number: int, item: Any) -> str:
    told = item.get("Name") or item.get("Id") if isinstance(item, Mapping) else None
    return f"{where}[{told or number}]"


def _filled(tree: Any, found: Mapping[str, str], where: str = "") -> Any:
    """The tree with other texts in the places that are named as `_texts` names them."""
    if isinstance(tree, str):
        return found.get(where, tree)
    if isinstance(tree, Mapping):
        return {name: _filled(item, found, f"{where}.{name}" if where else name) for name, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [_filled(item, found, _place(where, number, item)) for number, item in enumerate(tree)]
    return tree
