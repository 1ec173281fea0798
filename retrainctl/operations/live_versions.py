"""Which versions of a model are live: what its slots serve, as read from the target, else as last written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from retrainctl.diff.compare import same_blob
from retrainctl.manifest.load import Loaded
from retrainctl.model.address import Address
from retrainctl.model.kind import KINDS
from retrainctl.model.resource import Applied, Desired
from retrainctl.model.retraining import LIVE
from retrainctl.model.versions import ModelLine
from retrainctl.operations.placing import place_files
from retrainctl.operations.planning import PlanOptions, read_all
from retrainctl.ports import Observer, Reading, TargetSet
from retrainctl.retrain.gates import Reference, References


def live_references(
    loaded: Loaded,
    models: frozenset[str],
    targets: TargetSet,
    applied: Mapping[Address, Applied],
    observer: Observer,
) -> dict[str, References]:
    """Model -> what its gates may compare with: each of its versions by number, and what is live.

    Only slots of the models are read. A slot whose version is not known has no metrics, so a gate fails on it.
    """
    wanted = [d for d in loaded.desired if any(version.model in models for version in d.slots.values())]
    readings = read_all(wanted, targets, applied, PlanOptions(), observer) if wanted else {}
    read = {desired.address for desired in wanted}
    lines = place_files(loaded, readings, applied, takes=read.__contains__).models
    live: dict[str, dict[str, Reference]] = {name: {} for name in models}
    for desired in wanted:
        for slot, version in desired.slots.items():
            if version.model in models:
                found = _serves(desired, slot, readings, applied, lines[version.model])
                if found is not None:
                    live[version.model].setdefault(found.label, found)
    return {name: {LIVE: tuple(live[name].values()), **recorded_references(lines[name])} for name in sorted(models)}


def recorded_references(line: ModelLine) -> dict[str | int, Sequence[Reference]]:
    """Every version of a model by its number."""
    return {v.version: (Reference(label=v.label, metrics=v.metrics),) for v in line.versions}


def _serves(
    desired: Desired,
    slot: str,
    readings: Mapping[str, Reading],
    applied: Mapping[Address, Applied],
    line: ModelLine,
) -> Reference | None:
    """The version in a slot; None where nothing is served there yet."""
    spec = KINDS[desired.address.kind]
    reading = readings[spec.target]
    if (failure := reading.failures.get(desired.address)) is not None:
        return Reference(label=f"what {desired.address} serves (it cannot be read: {failure.message})", metrics={})
    observed = reading.observed.get(desired.address)
    if observed is None:
        return None
    state = observed.slots.get(slot)
    uri = state.uri if state is not None and spec.slots_readable else None
    if not spec.slots_readable:
        written = applied.get(desired.address)
        entry = written.slots.get(slot) if written is not None else None
        uri = entry.uri if entry is not None else None
    if uri is None:
        return Reference(label=f"what {desired.address} serves (unknown)", metrics={})
    for version in line.versions:
        if same_blob(version.uri, uri):
            return Reference(label=version.label, metrics=version.metrics)
    return Reference(label=f"what {desired.address} serves ({uri}, not recorded)", metrics={})
