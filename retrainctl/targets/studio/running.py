"""Running an experiment and waiting for its end (classic-api.md sections 6.2, 6.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from retrainctl.errors import RetrainctlError
from retrainctl.model.values import JsonObject
from retrainctl.ports import Observer, Progress, TargetError, Waiter
from retrainctl.targets.studio.cleaning import clean_text
from retrainctl.targets.studio.client import StudioClient
from retrainctl.targets.studio.experiments import id_of, name_of, state_of
from retrainctl.targets.studio.nodes import called, nodes_of
from retrainctl.targets.studio.saving import save
from retrainctl.targets.studio.waiting import StillUnderWay, wait_until

_DONE: Final = "Finished"
_ENDS: Final = frozenset({_DONE, "Failed", "Error", "Cancelled", "Canceled", "Aborted"})
"""`Finished` and `Failed` are known (6.2); the rest are what this vendor's other services end in (guess)."""

_FAILURES: Final = frozenset(state.casefold() for state in _ENDS - {_DONE})
_UNDER_WAY: Final = frozenset({"running", "queued"})
_SHOWN: Final = 3
_LONGEST: Final = 1000


def must_rest(experiment: JsonObject) -> JsonObject:
    """The experiment itself. Raises `RetrainctlError` (RC944) where it runs already."""
    if state_of(experiment).casefold() in _UNDER_WAY:
        raise RetrainctlError(
            f'experiment "{name_of(experiment)}" is {state_of(experiment)} already; nothing was sent',
            code="RC944",
            hint="Wait for its end: starting it again would end this run.",
        )
    return experiment


def how_it_ends(experiment: JsonObject) -> str:
    """The sentence that says where to look, for a run that nobody waits for any more."""
    return f"`retrainctl experiment get {id_of(experiment)} --query Status` tells how it ends."


def run(
    studio: StudioClient, experiment: JsonObject, waiter: Waiter, observer: Observer, *, limit: float | None
) -> JsonObject:
    """Saves the experiment as a draft, runs it, and gives it as it is at the end; tells how many nodes have finished.

    limit: seconds to wait for the end; None waits for nothing, and gives what is known right after the start.

    Raises:
        Conflict: somebody saved it in the meantime; nothing runs.
        RetrainctlError: RC943: the run failed; the message says at which node and why.
        TargetError: RC944: it still runs when the time is up; or it could not be saved, started or read.
    """
    identifier, what = id_of(experiment), f'run experiment "{name_of(experiment)}"'
    url = studio.url("experiments", identifier)
    save(studio, experiment, waiter)
    # Saving gives it a new Etag: what runs is the experiment as the service has it, or nothing.
    save(studio, studio.object(url, what, pause=waiter.pause), waiter, draft=False)
    if limit is None:
        return studio.object(url, what, pause=waiter.pause)

    def look() -> JsonObject:
        seen = studio.object(url, what, pause=waiter.pause)
        nodes = nodes_of(seen)
        finished = sum(_state(node.get("Status")) == _DONE for node in nodes)
        observer.progress(Progress(task=f"{what}, nodes", done=finished, total=len(nodes)))
        return seen

    try:
        ended = wait_until(look, state_of, _ENDS, pause=waiter.pause, limit=limit)
    except StillUnderWay as error:
        raise TargetError(
            f'experiment "{name_of(experiment)}" is still {error.state} when the time is up; it goes on',
            code="RC944",
            hint=how_it_ends(experiment),
        ) from error
    if state_of(ended).casefold() != _DONE.casefold():
        raise RetrainctlError(
            f'the run of experiment "{name_of(ended)}" is {state_of(ended)}: {"; ".join(reasons(ended))}', code="RC943"
        )
    return ended


def reasons(experiment: JsonObject) -> list[str]:
    """Why a run failed: the messages of the nodes that did, else the experiment's own. Never empty."""
    nodes = [one for one in nodes_of(experiment) if _state(one.get("Status")).casefold() in _FAILURES]
    told = [f'node "{called(one)}": {_detail(one.get("Status"))}' for one in nodes[:_SHOWN]]
    if len(nodes) > _SHOWN:
        told.append(f"and {len(nodes) - _SHOWN} more nodes")
    return told or [_detail(experiment.get("Status"))]


def _state(status: Any) -> str:
    """A node's state; a status is an object with a StatusCode, or the code alone."""
    return str(status.get("StatusCode") if isinstance(status, Mapping) else status)


def _detail(status: Any) -> str:
    text = status.get("StatusDetail") if isinstance(status, Mapping) else None
    text = " ".join(text.split())[:_LONGEST] if isinstance(text, str) else ""
    return clean_text(text) or "the service gives no reason"
