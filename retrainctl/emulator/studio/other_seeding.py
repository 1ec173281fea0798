"""The sections `projects`, `notebooks` and `gateways` of a seed, and the annotations of an experiment."""

from __future__ import annotations

from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from retrainctl.emulator.clock import Clock
from retrainctl.emulator.frame import Loaded, Section, SeedSource
from retrainctl.emulator.seed import fields
from retrainctl.emulator.studio.dialect import date
from retrainctl.emulator.studio.others import Documents
from retrainctl.emulator.studio.records import Records

_PROJECT: Final = ("name", "description", "creator", "experiments")
_NOTEBOOK: Final = ("name", "author", "language", "tags", "attachments")
_GATEWAY: Final = ("name", "description", "location", "status", "scope", "version")
_ANNOTATION: Final = ("content", "node", "parent", "collapsed")
Where = tuple[str | int, ...]


class OtherSeeding:
    """Ids are made from names, so that the same seed gives the same ids. What is there already stays as it is."""

    def __init__(self, clock: Clock, records: Records, documents: Documents) -> None:
        self._clock = clock
        self._records = records
        self._documents = documents

    def sections(self) -> dict[str, Section]:
        return {"projects": self._projects, "notebooks": self._notebooks, "gateways": self._gateways}

    def _projects(self, items: list[Any], source: SeedSource) -> Loaded:
        """Each `{name, description?, creator?, experiments?: [names]}`. The key of `Contents` is a guess."""

        def body(entry: dict[str, Any], identifier: str, place: Where) -> dict[str, Any]:
            return {
                "ContainerId": identifier,
                "Name": str(entry["name"]),
                "Description": str(entry.get("description") or ""),
                "Creator": str(entry.get("creator") or "owner"),
                "Contents": {"Experiment": self._experiments(entry.get("experiments") or [], source, place)},
            }

        return self._load("project", "projects", items, _PROJECT, source, body)

    def _notebooks(self, items: list[Any], source: SeedSource) -> Loaded:
        """Each `{name, author?, language?, tags?, attachments?: [names]}`; members of the document are guesses."""

        def body(entry: dict[str, Any], identifier: str, place: Where) -> dict[str, Any]:
            for number, name in enumerate(_names(entry.get("attachments"), source, *place, "attachments")):
                self._documents.put("attachment", f"{identifier}/{number}", name, owner=identifier)
            now = date(self._clock.now())
            return {
                "FamilyId": identifier,
                "Name": str(entry["name"]),
                "Author": str(entry.get("author") or "owner"),
                "Language": str(entry.get("language") or "Python3"),
                "Created": now,
                "Modified": now,
                "Tags": _names(entry.get("tags"), source, *place, "tags"),
            }

        return self._load("notebook", "notebooks", items, _NOTEBOOK, source, body)

    def _gateways(self, items: list[Any], source: SeedSource) -> Loaded:
        """Each `{name, description?, location?, status?, scope?, version?}`, with a useless registration key (6.1)."""

        def body(entry: dict[str, Any], identifier: str, place: Where) -> dict[str, Any]:
            del place
            now = self._clock.now()
            return {
                "Scope": str(entry.get("scope") or "Workspace"),
                "GatewayName": str(entry["name"]),
                "CreateTime": date(now),
                "Description": str(entry.get("description") or ""),
                "ExpiryTime": date(now + 365 * 24 * 3600),
                "RegistrationKey": f"IR@{identifier}",
                "LastConnectTime": date(now),
                "Location": str(entry.get("location") or "South Central US"),
                "RegisterTime": date(now),
                "Status": str(entry.get("status") or "Online"),
                "Version": str(entry.get("version") or "2.8.0"),
                "VersionStatus": "UpToDate",
                "ProvisioningState": "Succeeded",
                "Host": None,
            }

        return self._load("gateway", "gateways", items, _GATEWAY, source, body)

    def _load(
        self, kind: str, section: str, items: list[Any], known: tuple[str, ...], source: SeedSource, body: Any
    ) -> Loaded:
        new: list[str] = []
        present: list[str] = []
        for index, item in enumerate(items):
            entry = fields(item, known, ("name",), source, section, index)
            name = str(entry["name"])
            identifier = uuid5(NAMESPACE_URL, f"studio/{kind}/{name}").hex
            if self._documents.has(kind, identifier):
                present.append(name)
                continue
            self._documents.put(kind, identifier, body(entry, identifier, (section, index)))
            new.append(name)
        return Loaded(new=tuple(new), present=tuple(present))

    def _experiments(self, given: Any, source: SeedSource, place: Where) -> list[str]:
        known = {one["Description"]: one["ExperimentId"] for one in self._records.experiments()}
        names = _names(given, source, *place, "experiments")
        for name in names:
            if name not in known:
                hint = f"there are: {', '.join(known)}" if known else "there are none"
                raise source.error(f"there is no experiment {name}", *place, "experiments", hint=hint)
        return [known[name] for name in names]


def annotate(documents: Documents, experiment: dict[str, Any], given: Any, source: SeedSource, place: Where) -> None:
    """Annotations of a seeded experiment: texts, or `{content, node?, parent?, collapsed?}`.

    `node` is the definition's name for it; `parent` the number of an annotation before it, from 1.
    """
    if not isinstance(given, list):
        raise source.error("annotations must be a list", *place)
    nodes = {node["Comment"]: node["Id"] for node in experiment["Graph"].get("ModuleNodes") or []}
    ids = [uuid5(NAMESPACE_URL, f"{experiment['ExperimentId']}/annotation/{index}").hex for index in range(len(given))]
    for index, item in enumerate(given):
        spot = (*place, index)
        entry = fields({"content": item} if isinstance(item, str) else item, _ANNOTATION, ("content",), source, *spot)
        node, parent = entry.get("node"), entry.get("parent")
        if node is not None and node not in nodes:
            raise source.error(f"the graph has no node {node}", *spot, hint=f"it has: {', '.join(nodes)}")
        if parent is not None and not (isinstance(parent, int) and 0 < parent <= index):
            raise source.error("parent is the number of an annotation before this one, from 1", *spot)
        body = {
            "Id": ids[index],
            "ParentAnnotationId": None if parent is None else ids[parent - 1],
            "ExperimentId": experiment["ExperimentId"],
            "Content": str(entry["content"]),
            "IsCollapsed": bool(entry.get("collapsed")),
            "NodeId": None if node is None else nodes[node],
            "Edge": None,
        }
        documents.put("annotation", ids[index], body, owner=experiment["ExperimentId"])


def _names(given: Any, source: SeedSource, *place: str | int) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise source.error("a list of names is needed here", *place)
    return [str(name) for name in given]
