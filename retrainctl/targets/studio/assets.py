"""What a workspace keeps: datasets, trained models, transforms (classic-api.md sections 6, 6.1, 6.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from retrainctl.definition.nearest import closest
from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.change import Request
from retrainctl.model.values import JsonObject
from retrainctl.ports import Conflict, NotFound, Waiter
from retrainctl.targets.studio import graph
from retrainctl.targets.studio.client import StudioClient, told_id
from retrainctl.targets.studio.uploads import name_taken

_ID: Final = re.compile(r"[^.\s]+\.[^.\s]+\.v[0-9]+-\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetKind:
    """One kind of asset.

    noun: in sentences. command: whose `list` shows them. address: the kind in history. collection: in the API's
    paths. member, data_type: in the body that promotes. port: the member of an input port that names one.
    """

    noun: str
    command: str
    address: str
    collection: str
    member: str = ""
    data_type: str = ""
    port: str = ""

    def address_of(self, name: str) -> Address:
        """What history, `protect` and `freeze` know one under."""
        return Address(self.address, name)


DATASET: Final = AssetKind(
    noun="dataset",
    command="dataset",
    address="Dataset",
    collection="datasources",
    member="DataSource",
    data_type="Dataset",
    port="DataSourceId",
)
MODEL: Final = AssetKind(
    noun="trained model",
    command="trained-model",
    address="TrainedModel",
    collection="trainedmodels",
    member="TrainedModel",
    data_type="iLearnerDotNet",
    port="TrainedModelId",
)
TRANSFORM: Final = AssetKind(
    noun="transform",
    command="transform",
    address="Transform",
    collection="transformmodules",
    member="Transform",
    data_type="iTransformDotNet",
    port="TransformModuleId",
)
MODULE: Final = AssetKind(noun="module", command="module", address="Module", collection="modules")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The output of an experiment that becomes an asset; node and port spelt as the graph spells them."""

    experiment: str
    node: str
    port: str


def list_assets(studio: StudioClient, kind: AssetKind) -> list[JsonObject]:
    """The assets of a kind as the service gives them: a dataset with what opens its data, so clean it."""
    return studio.items(studio.url(kind.collection), f"list {kind.noun}s")


def find(listed: Iterable[JsonObject], name: str, kind: AssetKind) -> JsonObject | None:
    """The asset of a name, blanks around it and case apart; None for none. Raises RC941 where families share it."""
    latest = newest(listed)
    for same in (_exactly, _nearly):
        named = [one for one in latest if same(name_of(one), name)]
        if len(named) > 1:
            families = ", ".join(family_of(one) for one in named)
            raise RetrainctlError(
                f'{len(named)} {kind.noun}s are called "{name}"',
                code="RC941",
                hint=f"Pass the family id of one: {families}.",
            )
        if named:
            return named[0]
    return None


def called(listed: Sequence[JsonObject], reference: str, kind: AssetKind) -> JsonObject:
    """The asset of an id, a family id or a name; of a family and of a name its newest version.

    Raises:
        RetrainctlError: RC956: there is none; RC941: several have the name.
    """
    for one in listed:
        if _nearly(id_of(one), reference):
            return one
    latest = newest(listed)
    for one in latest:
        if _nearly(family_of(one), reference):
            return one
    found = find(latest, reference, kind)
    if found is None:
        raise _none(kind, reference, [name_of(one) for one in latest])
    return found


def newest(listed: Iterable[JsonObject]) -> list[JsonObject]:
    """One version of each family: the latest one, should a list ever show older ones too."""
    found: dict[str, JsonObject] = {}
    for one in listed:
        family = family_of(one) or id_of(one)
        if family not in found or _rank(one) > _rank(found[family]):
            found[family] = one
    return list(found.values())


def name_of(asset: JsonObject) -> str:
    return str(asset.get("Name") or id_of(asset))


def id_of(asset: JsonObject) -> str:
    return str(asset.get("Id") or "")


def family_of(asset: JsonObject) -> str:
    """Its FamilyId, which all versions share; out of its id where it has none."""
    return str(asset.get("FamilyId") or graph.family_of(id_of(asset)))


def used_by(experiment: JsonObject, listed: Iterable[JsonObject], kind: AssetKind) -> list[JsonObject]:
    """The assets of a kind that an experiment's graph uses, each once, in the order of the graph.

    `IsLatest` says whether the graph has the newest version. An older version of a family that is listed has only the
    members that all versions share; what is not listed (deleted, or a sample of the service's) has its ids only.
    """
    known = list(listed)
    by_id = {id_of(one).casefold(): one for one in known}
    by_family = {family_of(one).casefold(): one for one in newest(known)}
    found: dict[str, JsonObject] = {}
    for identifier in dict.fromkeys(use.identifier for use in graph.assets_used(experiment, kind.port)):
        latest = by_family.get(graph.family_of(identifier))
        is_latest = latest is not None and id_of(latest).casefold() == identifier.casefold()
        if (exact := by_id.get(identifier.casefold())) is not None:
            found[identifier] = {**exact, "IsLatest": is_latest}
        elif latest is not None:
            shared = {name: latest.get(name) for name in ("Name", "DataTypeId", "FamilyId")}
            found[identifier] = {**shared, "Id": identifier, "IsLatest": False}
        else:
            found[identifier] = {
                "Name": None,
                "FamilyId": graph.family_of(identifier),
                "Id": identifier,
                "IsLatest": None,
            }
    return list(found.values())


def promote_request(
    studio: StudioClient, kind: AssetKind, output: Output, *, name: str, description: str, family: str
) -> Request:
    """The call that keeps an output as an asset (6.4). family: whose new version it is; empty for a new asset."""
    return Request(
        method="POST",
        path=studio.url(kind.collection),
        body={
            "ExperimentId": output.experiment,
            "ModuleNodeId": output.node,
            "OutputName": output.port,
            kind.member: {
                "Name": name,
                "DataTypeId": kind.data_type,
                "Description": description,
                "SourceOrigin": "FromOutputPromotion",
                "FamilyId": family or None,
            },
        },
    )


def make(studio: StudioClient, kind: AssetKind, request: Request, name: str, waiter: Waiter) -> str:
    """Sends the call that makes an asset; gives the new version's id. Never sent twice by itself.

    Raises:
        Conflict: RC955: the name is taken.
        RetrainctlError: RC960: it was made, but under which id is not told.
        TargetError: it was not made.
    """
    try:
        answer = studio.send(request, f'make {kind.noun} "{name}"', pause=waiter.pause)
    except Conflict as error:
        raise name_taken(error, kind.noun, name) from error
    waiter.sent(None, answer.request_id)
    identifier = told_id(answer)
    if identifier is None:
        found = find(list_assets(studio, kind), name, kind)
        identifier = id_of(found) if found is not None else ""
    if not identifier:
        raise RetrainctlError(
            f'{kind.noun} "{name}" was made, but the service does not tell its id',
            code="RC960",
            hint=f"`retrainctl {kind.command} list` shows it; do not make it again.",
        )
    return identifier


def read_dataset(studio: StudioClient, reference: str) -> JsonObject:
    """A dataset by id, family id or name, with what opens its data: never show it as it is.

    An id may be that of an older version, which no list shows.

    Raises:
        RetrainctlError: RC956: there is none; RC941: several have the name.
    """
    identifier = reference
    if not _ID.fullmatch(reference):
        identifier = id_of(called(list_assets(studio, DATASET), reference, DATASET))
    try:
        return studio.object(studio.url("datasources", identifier), f'read dataset "{reference}"')
    except NotFound as error:
        raise _none(DATASET, reference, ()) from error


def remove_request(studio: StudioClient, dataset: JsonObject) -> Request:
    """The call that removes a dataset with all of its versions."""
    return Request(method="DELETE", path=studio.url("datasources", "family", family_of(dataset)))


def remove(studio: StudioClient, dataset: JsonObject, waiter: Waiter) -> None:
    """Removes a dataset with all of its versions. Raises `TargetError`."""
    answer = studio.send(remove_request(studio, dataset), f'remove dataset "{name_of(dataset)}"', pause=waiter.pause)
    waiter.sent(None, answer.request_id)


def _none(kind: AssetKind, reference: str, names: Sequence[str]) -> RetrainctlError:
    near = closest(reference, names)
    hint = f'Did you mean "{near}"?' if near else f"`retrainctl {kind.command} list` shows what there is."
    return RetrainctlError(f'the workspace has no {kind.noun} "{reference}"', code="RC956", hint=hint)


def _rank(asset: JsonObject) -> tuple[bool, int]:
    batch = asset.get("Batch")
    return asset.get("IsLatest") is not False, batch if isinstance(batch, int) else 0


def _exactly(one: str, other: str) -> bool:
    return one == other


def _nearly(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
