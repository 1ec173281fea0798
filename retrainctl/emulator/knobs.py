"""Everything that can be switched on or off at run time: faults, speeds, and what nobody knows of the real service.

Every knob has a name, an allowed form and a default; `retrainctl emulator faults` shows and sets them. Whether a fault
fires is decided from a seed, never from a random source: the same requests meet the same faults.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

from retrainctl.errors import RetrainctlError

Form = Literal["trigger", "duration", "number", "choice"]


class BadKnob(RetrainctlError):
    """A name or value that no knob takes."""

    default_code = "RC806"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """One switch. `choices` is for form `choice`; `meaning` says what it does and, for an unknown, on what evidence."""

    name: str
    form: Form
    default: str
    meaning: str
    choices: tuple[str, ...] = ()


@dataclass(slots=True)
class _Trigger:
    """When a fault fires: `never always 0.25 first:3 every:5 at:4`, then optional verbs and a path pattern.

    A probability is decided per verb, path and attempt, so that parallel clients change nothing; the counting forms
    count the matching requests of the whole server.
    """

    kind: str
    amount: float
    methods: frozenset[str]
    path: re.Pattern[str] | None
    seen: int = 0
    attempts: dict[tuple[str, str], int] = field(default_factory=dict)

    def fires(self, seed: str, name: str, method: str, path: str) -> bool:
        if self.kind == "never" or (self.methods and method not in self.methods):
            return False
        if self.path is not None and not self.path.search(path):
            return False
        self.seen += 1
        match self.kind:
            case "always":
                return True
            case "first":
                return self.seen <= self.amount
            case "every":
                return self.seen % int(self.amount) == 0
            case "at":
                return self.seen == self.amount
            case _:
                attempt = self.attempts.get((method, path), 0)
                self.attempts[(method, path)] = attempt + 1
                return fraction(seed, name, method, path, attempt) < self.amount


def fraction(*parts: Any) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64


FAULTS = (
    Knob(name="seed", form="number", default="0", meaning="chooses which requests a probability hits"),
    Knob(name="latency", form="duration", default="0", meaning="wait before each answer: 50ms, 0.2s, 20ms..80ms"),
    Knob(name="throttle", form="trigger", default="never", meaning="answer 429 instead of working"),
    Knob(
        name="throttle-retry-after",
        form="number",
        default="1",
        meaning="seconds in Retry-After of a 429; 0 leaves the header out",
    ),
    Knob(name="error", form="trigger", default="never", meaning="answer with error-status instead of working"),
    Knob(name="error-status", form="number", default="503", meaning="the status of `error`: 500, 502, 503, 504"),
    Knob(name="drop-before", form="trigger", default="never", meaning="close the connection; nothing took effect"),
    Knob(name="drop-after", form="trigger", default="never", meaning="do the work, then close without an answer"),
    Knob(name="op-hang", form="trigger", default="never", meaning="an operation stays Provisioning for ever"),
    Knob(name="op-fail", form="trigger", default="never", meaning="an operation ends Failed, the content stays old"),
    Knob(
        name="op-cancel", form="trigger", default="never", meaning="an operation ends Canceled, the content stays old"
    ),
    Knob(
        name="op-stale", form="trigger", default="never", meaning="an operation ends Succeeded, the content stays old"
    ),
    Knob(
        name="blobs-required",
        form="choice",
        default="off",
        choices=("off", "on"),
        meaning="a write that names a blob which the emulator lacks fails",
    ),
)

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)?")


class Knobs:
    """The current position of every knob."""

    def __init__(self, known: Iterable[Knob] = FAULTS) -> None:
        self.known: dict[str, Knob] = {}
        self._values: dict[str, str] = {}
        self._triggers: dict[str, _Trigger] = {}
        self._durations: dict[str, tuple[float, float]] = {}
        self._turn = 0
        for knob in known:
            self.define(knob)

    def define(self, knob: Knob) -> None:
        """Add a knob, at its default."""
        self.known[knob.name] = knob
        self._put(knob, knob.default)

    def set(self, name: str, value: Any) -> None:
        """Turn one knob.

        Raises:
            BadKnob: there is no such knob, or it does not take this value.
        """
        knob = self.known.get(name)
        if knob is None:
            from difflib import get_close_matches

            near = get_close_matches(name, self.known, 1)
            raise BadKnob(
                f"there is no fault or switch named {name}",
                hint=f"did you mean {near[0]}?" if near else f"known are: {', '.join(sorted(self.known))}",
            )
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if knob.form == "choice" and knob.choices == ("off", "on"):
            text = {"true": "on", "1": "on", "false": "off", "0": "off"}.get(text, text)
        self._put(knob, text)

    def _put(self, knob: Knob, text: str) -> None:
        match knob.form:
            case "trigger":
                self._triggers[knob.name] = _parse_trigger(knob.name, text)
            case "duration":
                self._durations[knob.name] = _parse_duration(knob.name, text)
            case "number":
                if not re.fullmatch(r"-?\d+(\.\d+)?", text):
                    raise BadKnob(f"{knob.name} takes a number, not {text!r}")
            case "choice":
                if text not in knob.choices:
                    raise BadKnob(f"{knob.name} is one of {', '.join(knob.choices)}, not {text!r}")
        self._values[knob.name] = text

    def reset(self, name: str | None = None) -> None:
        """Back to the default: one knob, or all of them."""
        for knob in list(self.known.values()) if name is None else [self.known[name]]:
            self._put(knob, knob.default)

    def text(self, name: str) -> str:
        return self._values[name]

    def number(self, name: str) -> float:
        return float(self._values[name])

    def on(self, name: str) -> bool:
        return self._values[name] == "on"

    def fires(self, name: str, method: str, path: str) -> bool:
        """Whether this fault hits this request. Each call counts: ask once per request."""
        return self._triggers[name].fires(self._values["seed"], name, method, path)

    def seconds(self, name: str) -> float:
        """A duration; of a range, the next value in it."""
        low, high = self._durations[name]
        if low == high:
            return low
        self._turn += 1
        return low + (high - low) * fraction(self._values["seed"], name, self._turn)

    def changed(self) -> dict[str, str]:
        """The knobs that are not at their default."""
        return {name: value for name, value in self._values.items() if value != self.known[name].default}

    def described(self) -> list[dict[str, Any]]:
        """All knobs with value, default and meaning, for `emulator faults` and the docs."""
        return [
            {
                "name": knob.name,
                "value": self._values[knob.name],
                "default": knob.default,
                "choices": list(knob.choices),
                "meaning": knob.meaning,
            }
            for knob in self.known.values()
        ]


def _parse_trigger(name: str, text: str) -> _Trigger:
    when, _, rest = text.partition(",")
    methods: frozenset[str] = frozenset()
    pattern = rest
    if rest and not rest.startswith("/"):
        verbs, _, pattern = rest.partition(",")
        methods = frozenset(verbs.upper().split("|"))
    kind, _, amount = when.partition(":")
    try:
        path = re.compile(pattern, re.IGNORECASE) if pattern else None
        if kind in ("never", "always") and not amount:
            return _Trigger(kind=kind, amount=0, methods=methods, path=path)
        if kind in ("first", "every", "at") and int(amount) > 0:
            return _Trigger(kind=kind, amount=int(amount), methods=methods, path=path)
        if not amount and 0 <= float(kind) <= 1:
            return _Trigger(kind="chance", amount=float(kind), methods=methods, path=path)
    except (ValueError, re.error):
        pass
    raise BadKnob(
        f"{name} does not take {text!r}",
        hint="use never, always, a probability such as 0.1, first:3, every:5 or at:4; then optional verbs and a path "
        "pattern: first:1,PUT|PATCH,/webServices/",
    )


def _parse_duration(name: str, text: str) -> tuple[float, float]:
    bounds: list[float] = []
    for part in text.split(".."):
        found = _DURATION.fullmatch(part.strip())
        if found is None:
            raise BadKnob(f"{name} takes a duration such as 50ms, 0.2s or 20ms..80ms, not {text!r}")
        bounds.append(float(found[1]) / (1000 if found[2] == "ms" else 1))
    if len(bounds) > 2 or bounds[0] > bounds[-1]:
        raise BadKnob(f"{name} takes a duration or a range from low to high, not {text!r}")
    return bounds[0], bounds[-1]
