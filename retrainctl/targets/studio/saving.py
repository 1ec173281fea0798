"""Saving, copying and removing experiments (classic-api.md sections 6, 6.3)."""

from __future__ import annotations

from collections.abc import Iterable

from retrainctl.errors import RetrainctlError
from retrainctl.model.change import Request
from retrainctl.model.values import JsonObject
from retrainctl.ports import Waiter
from retrainctl.targets.studio.client import StudioClient, told_id
from retrainctl.targets.studio.experiments import ID, id_of, list_experiments, name_of


def save_body(experiment: JsonObject, *, draft: bool, name: str | None = None, parent: str | None = None) -> JsonObject:
    """The body that saves or runs an experiment: graph and web service exactly as they are in it (6.3).

    draft: False runs it. name: another name than its own. parent: another parent; `""` for one that has none.
    """
    return {
        "Description": str(experiment.get("Description") or "") if name is None else name,
        "Summary": experiment.get("Summary") or "",
        "IsDraft": draft,
        "ParentExperimentId": (experiment.get("ParentExperimentId") or "") if parent is None else parent,
        "DisableNodeUpdate": bool(experiment.get("DisableNodesUpdate")),
        "Category": "user",
        "ExperimentGraph": experiment.get("Graph"),
        "WebService": experiment.get("WebService"),
    }


def save_request(
    studio: StudioClient, experiment: JsonObject, *, draft: bool = True, name: str | None = None
) -> Request:
    """The call that saves an experiment over itself; with `draft` False it runs."""
    url = studio.url("experiments", id_of(experiment))
    return Request(method="POST", path=url, body=save_body(experiment, draft=draft, name=name))


def save(
    studio: StudioClient, experiment: JsonObject, waiter: Waiter, *, draft: bool = True, name: str | None = None
) -> None:
    """Saves an experiment over itself as it is passed, if it still is the one that was read (its Etag).

    Raises:
        Conflict: somebody saved it in the meantime.
        TargetError: it could not be saved.
    """
    deed = "save" if draft else "run"
    request = save_request(studio, experiment, draft=draft, name=name)
    etag = experiment.get("Etag")
    answer = studio.send(
        request, f'{deed} experiment "{name_of(experiment)}"', pause=waiter.pause, etag=str(etag) if etag else None
    )
    waiter.sent(None, answer.request_id)


def create_request(studio: StudioClient, experiment: JsonObject, name: str) -> Request:
    """The call that saves an experiment as a new one, a draft of its own.

    It gets no parent: removing an experiment removes its ancestors, and the first one is none of the copy's.
    """
    body = save_body(experiment, draft=True, name=name, parent="")
    return Request(method="POST", path=studio.url("experiments", ""), body=body)


def create(studio: StudioClient, experiment: JsonObject, name: str, waiter: Waiter) -> str:
    """Saves an experiment as a new one of another name; gives the new one's id.

    Raises:
        RetrainctlError: RC942: it was saved, but the answer does not tell its id.
        TargetError: it could not be saved.
    """
    answer = studio.send(create_request(studio, experiment, name), f'save experiment "{name}"', pause=waiter.pause)
    waiter.sent(None, answer.request_id)
    # What the answer is was never recorded (guess).
    told = told_id(answer, "ExperimentId") or ""
    return told if ID.fullmatch(told) else _only_one_called(studio, name)


def remove_request(studio: StudioClient, experiment: JsonObject) -> Request:
    """The call that removes an experiment with its ancestors, the earlier versions of it."""
    return Request(method="DELETE", path=studio.url("experiments", id_of(experiment), deleteAncestors="true"))


def remove(studio: StudioClient, experiment: JsonObject, waiter: Waiter) -> None:
    """Removes an experiment with its ancestors. Raises `TargetError`."""
    what = f'remove experiment "{name_of(experiment)}"'
    answer = studio.send(remove_request(studio, experiment), what, pause=waiter.pause)
    waiter.sent(None, answer.request_id)


def ancestors(experiment: JsonObject, listed: Iterable[JsonObject]) -> list[JsonObject]:
    """The listed experiments that go when this one is removed: its parent, that one's parent, and so on."""
    known = {id_of(one): one for one in listed}
    found: dict[str, JsonObject] = {}
    parent = str(experiment.get("ParentExperimentId") or "")
    while parent in known and parent not in found and parent != id_of(experiment):
        found[parent] = known[parent]
        parent = str(known[parent].get("ParentExperimentId") or "")
    return list(found.values())


def _only_one_called(studio: StudioClient, name: str) -> str:
    named = [id_of(one) for one in list_experiments(studio) if one.get("Description") == name]
    if len(named) == 1:
        return named[0]
    raise RetrainctlError(
        f'experiment "{name}" was saved, but the service does not tell its id',
        code="RC942",
        hint="`retrainctl experiment list` shows it; do not save it again.",
    )
