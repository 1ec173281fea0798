"""`/_emulator/`: how the command line and the tests drive the emulator. Not part of any emulated API.

Every call needs the header `x-emulator-token` with the process's control token from `emulator.json`.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import orjson

from retrainctl.emulator.clock import parse_moment, stamp
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.knobs import BadKnob
from retrainctl.emulator.seed import load_seed
from retrainctl.errors import InvalidInput, RetrainctlError
from retrainctl.version import __version__


@runtime_checkable
class Controllable(Protocol):
    """A room with control calls of its own, and with holdings that are no ARM resources."""

    def controls(self) -> Mapping[tuple[str, str], Callable[[Call], Any]]:
        """(verb, path below `/_emulator/`) to handler; the handlers open their own transactions."""
        ...

    def holdings(self) -> Mapping[str, int]:
        """Kind to number, for `status`."""
        ...


class Control:
    """The handlers; `stop` makes the server end after the answer."""

    def __init__(self, frame: Frame, stop: Callable[[], None]) -> None:
        self._frame = frame
        self._stop = stop
        self._started = frame.clock.now()
        self._handlers: dict[tuple[str, str], Callable[[Call], Any]] = {
            ("GET", "status"): self._status,
            ("POST", "seed"): self._seed,
            ("POST", "reset"): self._reset,
            ("GET", "faults"): self._faults,
            ("PUT", "faults"): self._set_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "counters"): lambda _: self._frame.tally.as_json(),
            ("DELETE", "counters"): lambda _: self._frame.tally.clear(),
            ("GET", "writes"): self._writes,
            ("GET", "clock"): lambda _: self._clock_now(),
            ("PUT", "clock"): self._set_clock,
            ("POST", "operations"): self._finish,
            ("POST", "shutdown"): lambda _: self._stop(),
        }
        self._rooms = [room for room in frame.rooms if isinstance(room, Controllable)]
        for room in self._rooms:
            self._handlers.update(room.controls())

    async def answer(self, call: Call) -> Answer:
        given = call.headers.get("x-emulator-token", "")
        if not hmac.compare_digest(given.encode(), self._frame.identity.control.encode()):
            return _error(403, "Forbidden", "The header x-emulator-token must carry the token from emulator.json.")
        handler = self._handlers.get((call.method, call.path.removeprefix("/_emulator/")))
        if handler is None:
            return _error(404, "NotFound", f"There is no {call.method} {call.path}.")
        try:
            result = handler(call)
        except InvalidInput as error:
            return _error(400, error.code, error.message, error.hint, [_finding(d) for d in error.diagnostics])
        except RetrainctlError as error:
            return _error(400, error.code, error.message, error.hint)
        except Refusal as refusal:
            return _error(refusal.status, refusal.code, refusal.message)
        return Answer(body={} if result is None else result)

    def _status(self, _call: Call) -> dict[str, Any]:
        counts = self._frame.store.rows("SELECT type, count(*) FROM resource GROUP BY type ORDER BY type")
        running = self._frame.store.row("SELECT count(*) FROM operation WHERE state='Provisioning'")
        return {
            "pid": os.getpid(),
            "version": __version__,
            "started": stamp(self._started),
            "requests": self._frame.tally.total,
            "resources": {str(kind): int(count) for kind, count in counts}
            | {kind: count for room in self._rooms for kind, count in room.holdings().items()},
            "operations": int(running[0]) if running else 0,
            "faults": self._frame.knobs.changed(),
            "rooms": [room.name for room in self._frame.rooms],
        }

    def _seed(self, call: Call) -> dict[str, Any]:
        paths = call.json().get("paths")
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise Refusal(400, "BadRequest", 'The body must be {"paths": ["/absolute/path", ...]}.')
        return {"seeds": [load_seed(self._frame, Path(path)) for path in paths]}

    def _reset(self, _call: Call) -> None:
        self._frame.reset()

    def _faults(self, _call: Call) -> dict[str, Any]:
        return {"knobs": self._frame.knobs.described()}

    def _set_faults(self, call: Call) -> dict[str, Any]:
        """All or none of the given knobs."""
        knobs = self._frame.knobs
        before = knobs.changed()
        try:
            for name, value in call.json().items():
                knobs.set(name, value)
        except BadKnob:
            knobs.reset()
            for name, value in before.items():
                knobs.set(name, value)
            raise
        return {"changed": knobs.changed()}

    def _clear_faults(self, call: Call) -> dict[str, Any]:
        knobs = self._frame.knobs
        name = call.query.get("name")
        if name is not None and name not in knobs.known:
            raise BadKnob(f"there is no fault or switch named {name}")
        knobs.reset(name)
        return {"changed": knobs.changed()}

    def _writes(self, call: Call) -> dict[str, Any]:
        since = int(call.query.get("since", "0"))
        return {"writes": [entry.as_json() for entry in self._frame.tally.writes if entry.number > since]}

    def _clock_now(self) -> dict[str, Any]:
        return {"now": stamp(self._frame.clock.now()), "manual": self._frame.clock.manual}

    def _set_clock(self, call: Call) -> dict[str, Any]:
        """`{"now": "2017-04-26T17:05:30Z"}` stops it there, `{"advance": 5}` moves it, `{"now": null}` frees it."""
        wish = call.json()
        clock = self._frame.clock
        try:
            if "now" in wish:
                clock.set(None if wish["now"] is None else parse_moment(wish["now"]))
            clock_shift = float(wish.get("advance", 0))
        except (TypeError, ValueError):
            raise Refusal(
                400, "BadRequest", 'The body must be {"now": DATE or null} or {"advance": SECONDS}.'
            ) from None
        if clock_shift:
            clock.advance(clock_shift)
        self._frame.operations.settle()
        return self._clock_now()

    def _finish(self, call: Call) -> dict[str, Any]:
        wish = call.json()
        outcome = wish.get("outcome", "succeed")
        if outcome not in ("succeed", "fail", "cancel", "stale"):
            raise Refusal(400, "BadRequest", "The outcome is succeed, fail, cancel or stale.")
        return {"finished": self._frame.operations.finish(wish.get("id"), outcome)}


def _finding(diagnostic: Any) -> dict[str, Any]:
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "path": span.file if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
    }


def _error(status: int, code: str, message: str, hint: str | None = None, findings: Any = ()) -> Answer:
    error = {"code": code, "message": message, "hint": hint, "diagnostics": list(findings)}
    return Answer(status=status, body=orjson.dumps({"error": error}))
