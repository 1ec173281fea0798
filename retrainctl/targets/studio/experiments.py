"""Experiments as the workspace has them: listed, read, found by name (classic-api.md sections 6, 6.2)."""

from __future__ import annotations

import re
from typing import Final

from retrainctl.definition.nearest import closest
from retrainctl.errors import RetrainctlError
from retrainctl.model.values import JsonObject
from retrainctl.ports import NotFound
from retrainctl.targets.studio.client import StudioClient

ID: Final = re.compile(r".+\.[fs]-id\.[0-9A-Fa-f]{32}")

_LISTED: Final = "`retrainctl experiment list` shows what there is."


def list_experiments(studio: StudioClient) -> list[JsonObject]:
    """The workspace's own experiments; samples are left out as the cmdlet leaves them (section 6)."""
    found = studio.items(studio.url("experiments"), "list experiments")
    return [one for one in found if str(one.get("Category") or "user").casefold() == "user"]


def read_experiment(studio: StudioClient, reference: str) -> JsonObject:
    """An experiment whole, by its id, or by a name that only one has.

    Raises:
        RetrainctlError: RC940: there is none of that name or id; RC941: several have the name.
        TargetError: it could not be read.
    """
    if ID.fullmatch(reference):
        try:
            return studio.object(studio.url("experiments", reference), f'read experiment "{reference}"')
        except NotFound as error:
            raise NotFound(
                f'the workspace has no experiment "{reference}"',
                code="RC940",
                hint=_LISTED,
                status=error.status,
                service_code=error.service_code,
                request_id=error.request_id,
            ) from error
    listed = list_experiments(studio)
    named = [one for one in listed if one.get("Description") == reference]
    if not named:
        raise _none(reference, [str(one.get("Description")) for one in listed])
    if len(named) > 1:
        ids = ", ".join(str(one.get("ExperimentId")) for one in named)
        raise RetrainctlError(
            f'{len(named)} experiments are called "{reference}"', code="RC941", hint=f"Pass the id of one: {ids}."
        )
    identifier = str(named[0].get("ExperimentId"))
    return studio.object(studio.url("experiments", identifier), f'read experiment "{reference}"')


def name_of(experiment: JsonObject) -> str:
    """What people call it: the member Description (section 1); its id where that is empty."""
    return str(experiment.get("Description") or experiment.get("ExperimentId") or "")


def id_of(experiment: JsonObject) -> str:
    """The id by which an experiment is read, saved and removed."""
    return str(experiment.get("ExperimentId") or "")


def state_of(experiment: JsonObject) -> str:
    """`InDraft`, `Running`, `Finished`, `Failed` and what else there may be (6.2)."""
    status = experiment.get("Status")
    return str(status.get("StatusCode") if isinstance(status, dict) else status)


def must_have_finished(experiment: JsonObject) -> JsonObject:
    """The experiment itself. Raises `RetrainctlError` (RC938) for a draft, one that runs, or one that has failed."""
    if (state := state_of(experiment)) != "Finished":
        raise RetrainctlError(
            f'experiment "{name_of(experiment)}" is {state}, not Finished',
            code="RC938",
            hint="Run it to its end first: `retrainctl experiment run`.",
        )
    return experiment


def _none(reference: str, names: list[str]) -> RetrainctlError:
    near = closest(reference, names)
    hint = f'Did you mean "{near}"?' if near else _LISTED
    return RetrainctlError(f'the workspace has no experiment "{reference}"', code="RC940", hint=hint)
