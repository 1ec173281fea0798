"""`score`: rows to a web service and back, and the checks that a rollout makes with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from retrainctl.apply.outcome import Fate, Result
from retrainctl.apply.run import Check
from retrainctl.definition import azureml_ids
from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.manifest.load import Loaded
from retrainctl.manifest.suggest import hint
from retrainctl.model.address import Address
from retrainctl.model.change import ResourceChange
from retrainctl.model.retraining import BATCH_TARGET, ServiceRef
from retrainctl.operations.row_files import Row, read_rows
from retrainctl.ports import Observer, Progress, Scorer, ServiceDirectory, ServicePorts, StopWaiting
from retrainctl.targets.arm import ids as arm_ids
from retrainctl.targets.classic import ids as classic_ids

CALLABLE: Final = ("WebService", "Endpoint", "ClassicWebService", "OnlineEndpoint", "OnlineDeployment")
BATCH: Final = ("BatchEndpoint", "BatchDeployment")
"""What runs jobs and does not answer at once."""
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredTable:
    """What came out of one port. Values are as the service sent them."""

    port: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def service_of(text: str, loaded: Loaded) -> ServiceRef:
    """The web service that an address names: `WebService/NAME`, `Endpoint/NAME`, `OnlineEndpoint/NAME` ...

    A New or Classic service or an endpoint of Azure ML v2 that no manifest declares is looked for under that name.

    Raises:
        RetrainctlError: RC640, another kind, or an endpoint or deployment that no manifest declares.
    """
    try:
        address = Address.parse(text) if "/" in text else Address("WebService", text)
    except ValueError:
        address = Address(text, "")
    known = (*CALLABLE, *BATCH)
    if address.kind not in known or not address.name:
        raise RetrainctlError(
            f"{text} names no web service", code="RC640", hint=f"Write {' or '.join(f'{k}/NAME' for k in known)}."
        )
    desired = next((one for one in loaded.desired if one.address == address), None)
    place: Mapping[str, str] = {} if desired is None else desired.place
    if address.kind == "WebService":
        return ServiceRef(target="arm", name=place.get("name", address.name), group=place.get("resourceGroup"))
    if address.kind == "ClassicWebService":
        return ServiceRef(target="classic", name=place.get("webService", address.name))
    if address.kind == "OnlineEndpoint":
        return ServiceRef(target="azureml", name=place.get("name", address.name))
    if address.kind == "BatchEndpoint":
        return ServiceRef(target=BATCH_TARGET, name=place.get("name", address.name))
    if desired is None:
        there = [one.address.name for one in loaded.desired if one.address.kind == address.kind]
        message = f"no manifest declares {address}, so its web service is not known"
        raise RetrainctlError(message, code="RC640", hint=hint(address.name, there, "endpoints"))
    if address.kind == "BatchDeployment":
        return ServiceRef(target=BATCH_TARGET, name=place["endpoint"], endpoint=place["name"])
    if address.kind == "OnlineDeployment":
        return ServiceRef(target="azureml", name=place["endpoint"], endpoint=place["name"])
    return ServiceRef(target="classic", name=place["webService"], endpoint=place["name"])


def declared_example(text: str, loaded: Loaded) -> dict[str, Any] | None:
    """The example request that a manifest names in `example`; None where it names none.

    Raises:
        RetrainctlError: RC641, RC642, the file is no JSON object.
    """
    desired = next((one for one in loaded.desired if str(one.address) == text), None)
    file = None if desired is None else desired.settings.get("example")
    if not isinstance(file, str):
        return None
    found = _json_object(loaded.project.root / file)
    if found is None:
        raise RetrainctlError(f"{file} is no JSON object", code="RC642", hint="Write the body of a scoring request.")
    return found


def request_from(path: Path, ports: Callable[[], ServicePorts], port: str | None = None) -> dict[str, Any]:
    """The scoring request in a file: a whole request as it is, else its rows for one input port.

    ports: asks the service what goes in; only where the file does not say it.

    Raises:
        RetrainctlError: RC005, RC641 or RC661, the file holds neither; RC643, it is not clear for which port.
    """
    found = _json_object(path)
    if found is not None and (whole := _whole_request(found)) is not None:
        return whole
    known = ports()
    if found is not None and known.any_request:
        return found
    if port is None:
        if len(known.inputs) != 1:
            there = ", ".join(known.inputs) or "none"
            raise RetrainctlError(
                f"the service has {len(known.inputs)} input ports ({there}); {path} does not say which one it is for",
                code="RC643",
                hint='Pass --port, or give {"Inputs": {PORT: ...}}.',
            )
        port = next(iter(known.inputs))
    rows = read_rows(path, port=port, columns=known.inputs.get(port) or None)
    return {"Inputs": {port: as_table(rows)}, "GlobalParameters": {}}


def as_table(rows: Sequence[Row]) -> dict[str, Any]:
    """Rows in the form that both flavours of services take; a column that a row lacks is null."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {"ColumnNames": names, "Values": [[row.get(name) for name in names] for row in rows]}


def example_of(scorer: Scorer) -> Mapping[str, Any]:
    """The example request of a service. Raises `RetrainctlError` (RC642)."""
    example = scorer.ports().example
    if example is None:
        raise RetrainctlError(
            "the service has no example request", code="RC642", hint="Give rows with --input FILE (CSV or JSON)."
        )
    return example


def tables_of(answer: Mapping[str, Any]) -> list[ScoredTable]:
    """The tables in a service's answer, in either of the forms that are in use (classic-api.md 5.1)."""
    results = answer.get("Results")
    return [_table(str(port), given) for port, given in results.items()] if isinstance(results, Mapping) else []


def _table(port: str, given: Any) -> ScoredTable:
    value = given.get("value", given) if isinstance(given, Mapping) else given
    if isinstance(value, Mapping):
        names, rows = value.get("ColumnNames"), value.get("Values")
        if isinstance(names, list) and isinstance(rows, list):
            return ScoredTable(port=port, columns=tuple(map(str, names)), rows=tuple(tuple(row) for row in rows))
    if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
        columns = tuple(dict.fromkeys(str(name) for row in value for name in row))
        return ScoredTable(port=port, columns=columns, rows=tuple(tuple(row.get(n) for n in columns) for row in value))
    values = value if isinstance(value, list) else [value]
    return ScoredTable(port=port, columns=("value",), rows=tuple((one,) for one in values))


def _json_object(path: Path) -> dict[str, Any] | None:
    """A file that is one JSON object; None for anything else, which is read as rows."""
    try:
        text = path.read_bytes().decode("utf-8-sig") if path.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return None
    if not text.lstrip().startswith("{"):
        return None
    try:
        found: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RetrainctlError(f"{path} is not JSON: {error}", code="RC641", hint="Mend it.") from error
    return found


def _whole_request(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """A request of a Studio service: an object with `Inputs`, in any case."""
    members = {str(name).casefold(): value for name, value in found.items()}
    inputs = members.get("inputs")
    if not isinstance(inputs, Mapping):
        return None
    return {"Inputs": dict(inputs), "GlobalParameters": members.get("globalparameters") or {}}


# Rollout checks


def make_check(
    checks: Sequence[Mapping[str, Any]],
    root: Path,
    directory: ServiceDirectory,
    observer: Observer,
    *,
    pause: Callable[[float], None],
    settle: Mapping[str, float],
    parallel: int = 8,
) -> Check | None:
    """What a rollout does after each of its portions: every service whose model was moved is scored.

    Args:
        checks: the environment's `rollout.checks`: `score` (a file, from the project's folder `root`), `path` (a column
            of the answer, all of them without it) and `between` (lowest and highest value).
        settle: target -> seconds until an update takes effect there, waited once per portion.

    Returns:
        None when there is nothing to check.
    """
    if not checks:
        return None

    def check(results: Sequence[Result]) -> list[str]:
        moved = [
            one
            for one in results
            if one.fate is Fate.APPLIED and one.change.models and one.change.address.kind in CALLABLE
        ]
        if not moved:
            return []
        wait = max(settle.get(result.change.target, 0.0) for result in moved)
        if wait:
            observer.note(f"waiting {wait:g} s until the new models take effect")
            try:
                pause(wait)
            except StopWaiting:
                return []
        complaints: list[str] = []
        with ThreadPoolExecutor(max_workers=min(parallel, len(moved)), thread_name_prefix="check") as pool:
            found = pool.map(lambda result: _checked(result.change, checks, root, directory), moved)
            for number, texts in enumerate(found, start=1):
                complaints += texts
                observer.progress(Progress(task="rollout checks", done=number, total=len(moved)))
        return complaints

    return check


def _checked(
    change: ResourceChange, checks: Sequence[Mapping[str, Any]], root: Path, directory: ServiceDirectory
) -> list[str]:
    """What is wrong with one service; an error while scoring is a failed check, not the end of the run."""
    complaints: list[str] = []
    try:
        scorer = directory.open(_service_behind(change))
        for check in checks:
            request = request_from(root / check["score"], scorer.ports)
            complaints += judge_scores(tables_of(scorer.score(request)), check)
    except RetrainctlError as error:
        complaints.append(f"rollout check [RC645]: {error.message}")
    return [f"{change.address}: {text}" for text in complaints]


def _service_behind(change: ResourceChange) -> ServiceRef:
    """The service that was changed, by the identity that the plan carries: a saved plan needs no manifests."""
    if change.target == "arm":
        identity = arm_ids.parse(change.identity)
        return ServiceRef(target="arm", name=identity.name, group=identity.resource_group)
    if change.target == "azureml":
        deployment = azureml_ids.last(change.identity)
        # One that moves by blue/green has two names; what its callers get is what the traffic says.
        return ServiceRef(
            target="azureml",
            name=azureml_ids.last(azureml_ids.owner(change.identity)),
            endpoint=None if azureml_ids.PAIR in deployment else deployment,
        )
    place = classic_ids.parse(change.identity)
    return ServiceRef(target="classic", name=place.service, endpoint=place.endpoint)


def judge_scores(tables: Sequence[ScoredTable], check: Mapping[str, Any]) -> list[str]:
    """Why an answer does not pass a check: no rows, no such column, no numbers, or numbers out of bounds."""
    name, bounds = check.get("path"), check.get("between")
    if not any(table.rows for table in tables):
        return ["rollout check [RC645]: the answer has no rows"]
    if name is None and bounds is None:
        return []
    columns = [
        (table, at) for table in tables for at, column in enumerate(table.columns) if name is None or column == name
    ]
    if not columns:
        there = ", ".join(column for table in tables for column in table.columns)
        return [f'rollout check [RC645]: the answer has no column "{name}"; it has {there}']
    values = [row[at] for table, at in columns for row in table.rows]
    if bounds is None:
        empty = sum(value in (None, "") for value in values)
        return [f'rollout check [RC645]: {empty} of {len(values)} values of "{name}" are empty'] if empty else []
    low, high = bounds
    bad = [value for value in values if (number := _number(value)) is None or not low <= number <= high]
    if not bad:
        return []
    shown = ", ".join(str(value)[:40] for value in bad[:_SHOWN])
    what = f'"{name}"' if name is not None else "the answer"
    return [f"rollout check [RC645]: {len(bad)} of {len(values)} values of {what} are not in {low} to {high}: {shown}"]


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if number == number else None
