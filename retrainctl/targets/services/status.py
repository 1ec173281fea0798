"""A job's status in every form that was seen, told in our words (classic-api.md 5.4). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from retrainctl.model.redaction import without_query
from retrainctl.model.values import Secret
from retrainctl.ports import JobBlob, JobFailure, JobState, JobStatus

_BY_NUMBER: Final = (
    JobState.NOT_STARTED,
    JobState.RUNNING,
    JobState.FAILED,
    JobState.CANCELLED,
    JobState.FINISHED,
)
_BY_WORD: Final = {
    **{state.casefold(): state for state in JobState},
    "canceled": JobState.CANCELLED,
    "queued": JobState.RUNNING,
}
_LONGEST: Final = 4000


class NoStatus(ValueError):
    """The answer does not say where the job is."""


def read_status(document: Mapping[str, Any]) -> JobStatus:
    """The status in a job's answer: as word or number, in any case, one or two l's, also under the misprinted key.

    Raises:
        NoStatus: there is none, or another one than was ever seen.
    """
    members = {_plain(name): value for name, value in document.items()}
    state = _state(members.get("statuscode", members.get("status")))
    results = members.get("results") or members.get("result")
    details = members.get("details")
    return JobStatus(
        state=state,
        results=dict(_results(results)) if state is JobState.FINISHED and isinstance(results, Mapping) else {},
        failure=read_failure(details if isinstance(details, str) else "") if state is JobState.FAILED else None,
    )


def read_failure(details: str) -> JobFailure:
    """Message, module and code out of the free text of a failed job: from its first balanced `{...}` that is JSON.

    Raises nothing: what cannot be taken apart is shown as it is.
    """
    module = _module(details)
    found = next(_objects(details), None)
    inner = _exception(found) if found is not None else {}
    message = inner.get("Message")
    if not isinstance(message, str) or not message.strip():
        message = " ".join(details.split())[:_LONGEST] or "the service gives no reason"
    code = inner.get("ErrorCode")
    return JobFailure(
        message=" ".join(message.split())[:_LONGEST],
        module=module,
        code=str(code) if isinstance(code, str | int) and code != "" else None,
    )


def joined(base: str, relative: str) -> str:
    """`BaseLocation` and `RelativeLocation` as one URI: exactly one slash between them, https, no query."""
    uri = f"{without_query(base).rstrip('/')}/{without_query(relative).lstrip('/')}"
    return f"https://{uri[len('http://') :]}" if uri.lower().startswith("http://") else uri


def _plain(name: str) -> str:
    return "".join(character for character in name if character.isalnum()).casefold()


def _state(value: Any) -> JobState:
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(_BY_NUMBER):
        return _BY_NUMBER[value]
    if isinstance(value, str) and (state := _BY_WORD.get(_plain(value))) is not None:
        return state
    raise NoStatus("no status" if value is None else f"the unknown status {str(value)[:40]!r}")


def _results(results: Mapping[str, Any]) -> Iterator[tuple[str, JobBlob]]:
    for port, given in results.items():
        if not isinstance(given, Mapping):
            continue
        members = {_plain(name): value for name, value in given.items()}
        base, relative, token = (members.get(name) for name in ("baselocation", "relativelocation", "sasblobtoken"))
        if isinstance(base, str) and isinstance(relative, str) and base and relative:
            sas = Secret(token.lstrip("?")) if isinstance(token, str) and token.strip("?") else None
            yield str(port), JobBlob(uri=joined(base, relative), sas=sas)


def _module(details: str) -> str | None:
    """`Module: <name>; SNR Job Id: ...`."""
    lead, colon, rest = details.lstrip().partition(":")
    if not colon or lead.strip().casefold() != "module":
        return None
    return rest.partition(";")[0].strip()[:200] or None


def _exception(found: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = found.get("Exception")
    return inner if isinstance(inner, Mapping) else found


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """The balanced `{...}` of a text that are JSON objects, the first one first; braces in strings do not count."""
    at = text.find("{")
    while at >= 0:
        end = _end(text, at)
        if end is None:
            return
        try:
            found = json.loads(text[at:end])
        except ValueError:
            at = text.find("{", at + 1)
            continue
        if isinstance(found, dict):
            yield found
        at = text.find("{", end)


def _end(text: str, at: int) -> int | None:
    depth, quoted, escaped = 0, False, False
    for place in range(at, len(text)):
        character = text[place]
        if quoted:
            quoted, escaped = (character != '"' or escaped), character == "\\" and not escaped
        elif character == '"':
            quoted, escaped = True, False
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if not depth:
                return place + 1
    return None
