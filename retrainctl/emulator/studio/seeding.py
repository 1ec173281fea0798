"""The section `experiments` of a seed."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from retrainctl.emulator.arm import definition as arm
from retrainctl.emulator.frame import Loaded, SeedSource
from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.seed import fields
from retrainctl.emulator.studio.experiments import Experiments
from retrainctl.emulator.studio.records import Records


class Seeding:
    """Loads experiments that have finished a run."""

    def __init__(self, records: Records, experiments: Experiments) -> None:
        self._records = records
        self._experiments = experiments

    def experiments(self, items: list[Any], source: SeedSource) -> Loaded:
        """Each `{name, summary?, definition?}`; `definition` is a file or inline, what deploying it makes.

        The id is made from the name, so that the same seed gives the same id.
        """
        new: list[str] = []
        present: list[str] = []
        for index, item in enumerate(items):
            place = ("experiments", index)
            entry = fields(item, ("name", "summary", "definition"), ("name",), source, *place)
            name = str(entry["name"])
            identifier = f"{WORKSPACE}.f-id.{uuid5(NAMESPACE_URL, f'experiment/{name}').hex}"
            if self._records.experiment(identifier) is not None:
                present.append(name)
                continue
            given = entry.get("definition")
            definition = None if given is None else _definition(given, source, *place, "definition")
            wish = {"Description": name, "Summary": str(entry.get("summary") or ""), "IsDraft": False}
            self._experiments.add(wish, definition, identifier=identifier)
            new.append(name)
        return Loaded(new=tuple(new), present=tuple(present))


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
