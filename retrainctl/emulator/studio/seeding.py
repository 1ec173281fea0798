"""The section `experiments` of a seed."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import orjson

from retrainctl.emulator.arm import definition as arm
from retrainctl.emulator.blob.address import parse_uri
from retrainctl.emulator.classic.records import Records as Services
from retrainctl.emulator.frame import Loaded, SeedSource
from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.seed import fields
from retrainctl.emulator.studio.asset_records import AssetRecords, Kind
from retrainctl.emulator.studio.drawing import draw, saved_assets
from retrainctl.emulator.studio.experiments import Experiments
from retrainctl.emulator.studio.other_seeding import annotate
from retrainctl.emulator.studio.others import Documents
from retrainctl.emulator.studio.outputs import Outputs
from retrainctl.emulator.studio.ports import DATASET, MODEL, TRANSFORM
from retrainctl.emulator.studio.records import Records
from retrainctl.emulator.studio.run_records import RunRecords
from retrainctl.emulator.studio.storage import UPLOADS, Place
from retrainctl.emulator.studio.versions import Versions, Wish
from retrainctl.emulator.training.graph import GraphInvalid

_MEMBERS: Final = (
    "name",
    "summary",
    "definition",
    "parameters",
    "inputs",
    "service",
    "draft",
    "outputs",
    "annotations",
)
_TYPES: Final[dict[str, tuple[Kind, str]]] = {
    "dataset": ("dataset", DATASET),
    "model": ("model", MODEL),
    "transform": ("transform", TRANSFORM),
}
_KINDS: Final = {".ilearner": MODEL, ".itransform": TRANSFORM}
Where = tuple[str | int, ...]


class Seeding:
    """Loads experiments that have finished a run."""

    def __init__(
        self,
        records: Records,
        runs: RunRecords,
        experiments: Experiments,
        outputs: Outputs,
        assets: AssetRecords,
        versions: Versions,
        services: Services,
        documents: Documents,
    ) -> None:
        self._records = records
        self._runs = runs
        self._experiments = experiments
        self._outputs = outputs
        self._assets = assets
        self._versions = versions
        self._services = services
        self._documents = documents

    def experiments(self, items: list[Any], source: SeedSource) -> Loaded:
        """Each `{name, summary?, definition?, parameters?, inputs?, service?, draft?, outputs?,
        annotations?}`.

        `definition` is a file or inline, what deploying it makes; the graph is drawn from it. `parameters` are values
        of web service parameters as they stand in the experiment. `inputs` names the dataset that stands where the
        service has an input. `outputs` are files by node (the definition's name for it) and port, in place of a
        real run. `service` is the Classic web service that it was deployed to, by name.

        The id is made from the name, so that the same seed gives the same id.
        """
        new: list[str] = []
        present: list[str] = []
        for index, item in enumerate(items):
            place = ("experiments", index)
            entry = fields(item, _MEMBERS, ("name",), source, *place)
            name = str(entry["name"])
            identifier = f"{WORKSPACE}.f-id.{uuid5(NAMESPACE_URL, f'experiment/{name}').hex}"
            if self._records.experiment(identifier) is not None:
                present.append(name)
                continue
            self._add(name, identifier, entry, source, place)
            new.append(name)
        return Loaded(new=tuple(new), present=tuple(present))

    def _add(self, name: str, identifier: str, entry: dict[str, Any], source: SeedSource, place: Where) -> None:
        wish: dict[str, Any] = {
            "Description": name,
            "Summary": str(entry.get("summary") or ""),
            "IsDraft": bool(entry.get("draft")),
        }
        given = entry.get("definition")
        definition = None if given is None else _definition(given, source, *place, "definition")
        if definition is not None:
            values = _texts(entry.get("parameters"), source, *place, "parameters")
            try:
                graph, service = draw(definition["properties"], values)
                graph = self._adopt(definition["properties"], graph)
            except GraphInvalid:
                pass  # code, or a package of another kind: it can be deployed, and has no graph to show
            else:
                unknown = set(values) - {one["Name"] for one in service["Parameters"]}
                if unknown:
                    raise source.error(f"there is no parameter {min(unknown)}", *place, "parameters")
                service["ModelPackageId"] = self._runs.keep_origin(definition)
                self._feed(graph, service, _texts(entry.get("inputs"), source, *place, "inputs"), source, place)
                wish |= {"ExperimentGraph": graph, "WebService": service}
        if entry.get("service") is not None:
            group = self._service(str(entry["service"]), source, (*place, "service"))
            wish["WebService"] = {**wish.get("WebService", {}), "WebServiceGroupId": group}
        body = self._experiments.add(wish, definition, identifier=identifier, call=None, copied=False)
        if entry.get("annotations") is not None:
            annotate(self._documents, body, entry["annotations"], source, (*place, "annotations"))
        if entry.get("outputs") is not None:
            self._put_out(body, entry["outputs"], source, (*place, "outputs"))

    def _service(self, name: str, source: SeedSource, place: Where) -> str:
        found = self._services.service_ids(name)
        if len(found) != 1:
            raise source.error(f"there is no one Classic web service {name!r}", *place, hint="see the section classic")
        return found[0]

    def _adopt(self, properties: dict[str, Any], graph: dict[str, Any]) -> dict[str, Any]:
        """The saved assets that a definition names are in the workspace, with what lies at their addresses.

        Where the workspace has one of that name already, the graph that is given back names that one.
        """
        text = orjson.dumps(graph)
        shelf = self._outputs.storage.shelf
        for identifier, (kind, name, uri) in saved_assets(properties).items():
            stored, data_type = _TYPES[kind]
            others = [one.id for one in self._assets.named(stored, name) if one.id != identifier]
            if others:
                text = text.replace(identifier.encode(), others[0].encode())
                continue
            address = parse_uri(uri)
            blob = None if address is None else shelf.blob(address.account, address.container, address.name)
            place = None
            if blob is not None and self._assets.asset(stored, identifier) is None:
                suffix = PurePath(blob.name).suffix
                place = Place(container=UPLOADS, name=f"{uuid5(NAMESPACE_URL, identifier).hex}{suffix}")
                self._outputs.storage.join(place, blob.contents)
            wish = Wish(name=name, data_type=data_type, origin="FromOutputPromotion")
            self._versions.adopt(stored, wish, identifier, place)
        changed: dict[str, Any] = orjson.loads(text)
        return changed

    def _feed(
        self,
        graph: dict[str, Any],
        service: dict[str, Any],
        inputs: dict[str, str],
        source: SeedSource,
        place: Where,
    ) -> None:
        """Put datasets at the ports that the service's inputs replace."""
        ends = {one["Name"]: one["PortId"] for one in service["Inputs"]}
        listed = [port for node in graph["ModuleNodes"] for port in node["InputPortsInternal"]]
        ports = {f"{port['NodeId']}:{port['Name']}": port for port in listed}
        for name, dataset in inputs.items():
            if name not in ends:
                known = f"it has: {', '.join(ends)}" if ends else "its definition has none"
                raise source.error(f"the experiment has no input {name}", *place, "inputs", hint=known)
            found = self._assets.named("dataset", dataset)
            if len(found) != 1:
                hint = "datasets of this seed have a section of their own: datasets"
                raise source.error(f"there is no one dataset {dataset!r}", *place, "inputs", hint=hint)
            ports[ends[name]]["DataSourceId"] = found[0].id

    def _put_out(self, experiment: dict[str, Any], given: Any, source: SeedSource, place: Where) -> None:
        """Files in place of what a run would put out; the run is not made any more."""
        nodes = {node["Comment"]: node["Id"] for node in experiment["Graph"].get("ModuleNodes") or []}
        if not isinstance(given, dict):
            raise source.error("outputs maps nodes to ports and their files", *place)
        self._runs.drop(experiment["ExperimentId"])
        for node, ports in given.items():
            if node not in nodes:
                raise source.error(f"the graph has no node {node}", *place, hint=f"it has: {', '.join(nodes)}")
            for port, file in _texts(ports, source, *place).items():
                path = source.path(file, *place)
                kind = _KINDS.get(path.suffix.lower(), DATASET)
                self._outputs.put(
                    experiment["ExperimentId"], nodes[node], port, path.read_bytes(), kind=kind, extension=path.suffix
                )


def _texts(given: Any, source: SeedSource, *place: str | int) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise source.error("a mapping of names to texts is needed here", *place)
    return {str(name): str(value) for name, value in given.items()}


def _definition(given: Any, source: SeedSource, *place: str | int) -> dict[str, Any]:
    value = given
    if not isinstance(given, dict):
        path = source.path(str(given), *place)
        try:
            value = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
        except (OSError, orjson.JSONDecodeError) as error:
            raise source.error(f"{path.name} cannot be read as JSON: {error}", *place) from error
    document = arm.fold_names(value) if isinstance(value, dict) else {}
    if not isinstance(document.get("properties"), dict):
        raise source.error("the definition has no member properties", *place, hint="export one from a service")
    return {"properties": arm.drop_nulls(document)["properties"]}
