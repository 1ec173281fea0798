"""Web services, the experiment runs that were deployed to them, and their endpoints, as rows.

A run is a deployed definition. Endpoints refer to runs, so that a redeployment changes one endpoint and a refresh costs
one row however large the definition is. Moments are kept as the answers show them: lists have thousands.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from retrainctl.emulator.classic.location import Location
from retrainctl.emulator.store import Store

DDL: Final = """
CREATE TABLE IF NOT EXISTS classic_service(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, description TEXT NOT NULL,
  kind TEXT NOT NULL, created TEXT NOT NULL, endpoints INTEGER NOT NULL, deployments INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS classic_service_name ON classic_service(name);
CREATE TABLE IF NOT EXISTS classic_run(
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, service TEXT NOT NULL, deployed TEXT NOT NULL,
  slots BLOB NOT NULL, properties BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS classic_endpoint(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, service TEXT NOT NULL, name TEXT NOT NULL,
  run TEXT NOT NULL, created TEXT NOT NULL, version TEXT NOT NULL, description TEXT NOT NULL, throttle TEXT NOT NULL,
  calls INTEGER NOT NULL, diagnostics TEXT NOT NULL, prevent INTEGER NOT NULL, key1 TEXT NOT NULL, key2 TEXT NOT NULL,
  models BLOB NOT NULL, UNIQUE(service, name));
CREATE INDEX IF NOT EXISTS classic_endpoint_run ON classic_endpoint(run);
"""

DEFAULT: Final = "default"
"""Name of the endpoint that comes with every service and follows its deployments."""

_LOADED: Final = 16
_SERVICE: Final = "id, name, description, kind, created, endpoints, deployments"
_ENDPOINT: Final = (
    "id, service, name, run, created, version, description, throttle, calls, diagnostics, prevent, key1, key2, models"
)


@dataclass(slots=True, kw_only=True)
class Service:
    """`kind` is `Experiment` or `Code`; `deployments` counts the runs that there ever were."""

    id: str
    name: str
    description: str
    kind: str
    created: str
    endpoints: int = 0
    deployments: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A deployed definition.

    Attributes:
        trained: updatable resources: slot to the URI of the experiment's own model.
        fixed: other saved assets, such as transforms: name to URI.
    """

    id: str
    service: str
    deployed: str
    trained: Mapping[str, str]
    fixed: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What PUT, and perhaps PATCH, sets of an endpoint. `calls` is MaxConcurrentCalls."""

    description: str = ""
    throttle: str = "Low"
    calls: int = 4
    diagnostics: str = "None"
    prevent_update: bool = False


@dataclass(slots=True, kw_only=True)
class Endpoint:
    """`models` has the slots that serve another model than the run's: those that were patched."""

    id: str
    service: str
    name: str
    run: str
    created: str
    version: str
    settings: Settings
    keys: tuple[str, str]
    models: dict[str, Location] = field(default_factory=dict)


class Records:
    """Reading and writing; callers hold the transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._properties: OrderedDict[str, dict[str, Any]] = OrderedDict()

    # Services

    def services(self) -> list[Service]:
        return [_service(row) for row in self._store.rows(f"SELECT {_SERVICE} FROM classic_service ORDER BY seq")]  # noqa: S608 - constant columns

    def service(self, identifier: str) -> Service | None:
        row = self._store.row(f"SELECT {_SERVICE} FROM classic_service WHERE id=?", identifier)  # noqa: S608
        return None if row is None else _service(row)

    def service_ids(self, name: str) -> list[str]:
        """Ids of all services of this name: names are not unique."""
        return [str(row[0]) for row in self._store.rows("SELECT id FROM classic_service WHERE name=?", name)]

    def put_service(self, service: Service) -> None:
        """Insert, or replace what may change."""
        self._store.run(
            f"INSERT INTO classic_service({_SERVICE}) VALUES(?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET"
            " name=excluded.name, description=excluded.description, deployments=excluded.deployments",
            service.id,
            service.name,
            service.description,
            service.kind,
            service.created,
            service.endpoints,
            service.deployments,
        )

    def drop_service(self, identifier: str) -> None:
        """The service with its runs and endpoints."""
        self._store.run("DELETE FROM classic_endpoint WHERE service=?", identifier)
        self._store.run("DELETE FROM classic_run WHERE service=?", identifier)
        self._store.run("DELETE FROM classic_service WHERE id=?", identifier)

    # Runs

    def run(self, identifier: str) -> Run | None:
        row = self._store.row("SELECT id, service, deployed, slots FROM classic_run WHERE id=?", identifier)
        return None if row is None else _run(row)

    def runs(self, service: str) -> dict[str, Run]:
        """All runs of a service by id."""
        rows = self._store.rows("SELECT id, service, deployed, slots FROM classic_run WHERE service=?", service)
        return {run.id: run for run in map(_run, rows)}

    def put_run(self, run: Run, properties: Mapping[str, Any]) -> None:
        self._store.run(
            "INSERT INTO classic_run(id, service, deployed, slots, properties) VALUES(?,?,?,?,?)",
            run.id,
            run.service,
            run.deployed,
            orjson.dumps([dict(run.trained), dict(run.fixed)]),
            orjson.dumps(properties),
        )

    def properties(self, run: str) -> dict[str, Any]:
        """The definition of a run; not to be changed. A run's id depends on its content, so it can be kept."""
        if run not in self._properties:
            row = self._store.row("SELECT properties FROM classic_run WHERE id=?", run)
            assert row is not None
            self._properties[run] = orjson.loads(row[0])
            if len(self._properties) > _LOADED:
                self._properties.popitem(last=False)
        self._properties.move_to_end(run)
        return self._properties[run]

    def unused_runs(self, service: str) -> list[str]:
        """Runs of a service that no endpoint refers to any more."""
        rows = self._store.rows(
            "SELECT id FROM classic_run r WHERE service=? AND NOT EXISTS"
            " (SELECT 1 FROM classic_endpoint e WHERE e.run=r.id)",
            service,
        )
        return [str(row[0]) for row in rows]

    def drop_run(self, identifier: str) -> None:
        self._store.run("DELETE FROM classic_run WHERE id=?", identifier)

    # Endpoints

    def endpoints(self, service: str) -> list[Endpoint]:
        """In the order of their creation."""
        rows = self._store.rows(f"SELECT {_ENDPOINT} FROM classic_endpoint WHERE service=? ORDER BY seq", service)  # noqa: S608
        return [_endpoint(row) for row in rows]

    def endpoint(self, service: str, name: str) -> Endpoint | None:
        row = self._store.row(f"SELECT {_ENDPOINT} FROM classic_endpoint WHERE service=? AND name=?", service, name)  # noqa: S608
        return None if row is None else _endpoint(row)

    def endpoint_by_id(self, identifier: str) -> Endpoint | None:
        """By its own id, the one in `ApiLocation`."""
        row = self._store.row(f"SELECT {_ENDPOINT} FROM classic_endpoint WHERE id=?", identifier)  # noqa: S608
        return None if row is None else _endpoint(row)

    def keys(self, service: str, name: str) -> tuple[str, ...]:
        """Both keys of an endpoint; none when it is not there."""
        row = self._store.row("SELECT key1, key2 FROM classic_endpoint WHERE service=? AND name=?", service, name)
        return () if row is None else (str(row[0]), str(row[1]))

    def names(self, service: str) -> set[str]:
        return {str(row[0]) for row in self._store.rows("SELECT name FROM classic_endpoint WHERE service=?", service)}

    def add_endpoint(self, endpoint: Endpoint) -> None:
        marks = ",".join("?" * len(_ENDPOINT.split(", ")))
        self._store.run(
            f"INSERT INTO classic_endpoint({_ENDPOINT}) VALUES({marks})",
            *(endpoint.id, endpoint.service, endpoint.name, endpoint.run, endpoint.created, *_changing(endpoint)),
        )
        self._store.run("UPDATE classic_service SET endpoints=endpoints+1 WHERE id=?", endpoint.service)

    def change_endpoint(self, endpoint: Endpoint) -> None:
        """Everything but who it is and when it was created."""
        self._store.run(
            "UPDATE classic_endpoint SET run=?, version=?, description=?, throttle=?, calls=?, diagnostics=?,"
            " prevent=?, key1=?, key2=?, models=? WHERE id=?",
            *(endpoint.run, *_changing(endpoint), endpoint.id),
        )

    def drop_endpoint(self, endpoint: Endpoint) -> None:
        self._store.run("DELETE FROM classic_endpoint WHERE id=?", endpoint.id)
        self._store.run("UPDATE classic_service SET endpoints=endpoints-1 WHERE id=?", endpoint.service)

    def counts(self) -> tuple[int, int]:
        """How many services and endpoints there are."""
        row = self._store.row("SELECT count(*), coalesce(sum(endpoints), 0) FROM classic_service")
        return (0, 0) if row is None else (int(row[0]), int(row[1]))


def _changing(endpoint: Endpoint) -> tuple[Any, ...]:
    settings = endpoint.settings
    models = orjson.dumps({slot: location.as_json() for slot, location in endpoint.models.items()})
    return (
        *(endpoint.version, settings.description, settings.throttle, settings.calls, settings.diagnostics),
        *(settings.prevent_update, *endpoint.keys, models),
    )


def _service(row: tuple[Any, ...]) -> Service:
    return Service(
        id=row[0],
        name=row[1],
        description=row[2],
        kind=row[3],
        created=row[4],
        endpoints=row[5],
        deployments=row[6],
    )


def _run(row: tuple[Any, ...]) -> Run:
    trained, fixed = orjson.loads(row[3])
    return Run(id=row[0], service=row[1], deployed=row[2], trained=trained, fixed=fixed)


def _endpoint(row: tuple[Any, ...]) -> Endpoint:
    return Endpoint(
        id=row[0],
        service=row[1],
        name=row[2],
        run=row[3],
        created=row[4],
        version=row[5],
        settings=Settings(
            description=row[6], throttle=row[7], calls=row[8], diagnostics=row[9], prevent_update=bool(row[10])
        ),
        keys=(row[11], row[12]),
        models={} if row[13] == b"{}" else {s: Location.of_json(m) for s, m in orjson.loads(row[13]).items()},
    )
