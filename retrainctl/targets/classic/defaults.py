"""The default endpoints of web services: they show the deployment that a refresh would bring."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import field

from retrainctl.fastclass import dataclass
from retrainctl.model.values import JsonObject
from retrainctl.targets.classic.client import ClassicClient
from retrainctl.targets.classic.ids import Place
from retrainctl.targets.classic.reading import DEFAULT, default_name, default_of


@dataclass(slots=True)
class Defaults:
    """Each is read once a process, by the list that planning reads or by a call of its own. Thread-safe."""

    client: ClassicClient
    _known: dict[str, JsonObject | None] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def learn(self, service: JsonObject, endpoints: Iterable[JsonObject]) -> None:
        """Takes the default endpoint out of a list that was read anyway."""
        identifier = str(service["Id"])
        with self._lock:
            self._names[identifier] = default_name(service)
            self._known[identifier] = default_of(service, endpoints)

    def of(self, service: str) -> JsonObject | None:
        """The default endpoint of a web service, None where it has none. Raises `TargetError`."""
        with self._lock:
            if service not in self._known:
                name = self._names.get(service, DEFAULT)
                place = Place(workspace=self.client.workspace, service=service, endpoint=name)
                self._known[service] = self.client.endpoint(place)
            return self._known[service]
