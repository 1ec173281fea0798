"""The URL table: segments are matched case-insensitively, as Azure does, and literal ones win over `{names}`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from retrainctl.emulator.exchange import Answer, Call, Refusal

Handler = Callable[[Call], Answer | Awaitable[Answer]]


class Dialect(Protocol):
    """How one API authenticates, words its errors and decorates its answers."""

    faulty: bool
    """Whether the faults that users switch on may hit this API (not its sign-in)."""

    def admit(self, call: Call) -> None:
        """Raise `Refusal` unless the call carries valid credentials."""
        ...

    def decorate(self, call: Call, answer: Answer) -> list[tuple[str, str]]:
        """All response headers: those of the answer and those that the API sends with every answer."""
        ...

    def refuse(self, call: Call, refusal: Refusal) -> Answer:
        """The error body of this API."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`pattern` as `/subscriptions/{sub}/resourceGroups/{group}`; a last `{*rest}` takes all that follows.

    `methods` is one or several verbs (`GET HEAD`) or `*`. A synchronous handler of a writing verb runs inside one
    transaction of the store; an awaitable one opens its own. `streamed`: the body does not go through memory.
    """

    methods: str
    pattern: str
    handler: Handler
    dialect: Dialect
    streamed: bool = False


class _Node:
    __slots__ = ("literals", "name", "parameter", "rest", "routes")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.name = ""
        self.rest: dict[str, Route] = {}
        self.routes: dict[str, Route] = {}


class Router:
    """A tree of segments; a look-up costs one dictionary access per segment."""

    __slots__ = ("_root",)

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._root = _Node()
        for route in routes:
            self.add(route)

    def add(self, route: Route) -> None:
        node = self._root
        target = node.routes
        for segment in (s for s in route.pattern.split("/") if s):
            if segment.startswith("{*"):
                target = node.rest
                break
            if segment.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment.lower(), _Node())
            target = node.routes
        for method in route.methods.split():
            target[method] = route

    def find(self, method: str, segments: list[str]) -> tuple[Route | None, dict[str, str], dict[str, Route]]:
        """The route, its parameters, and - where only the verb is wrong - the routes of the other verbs there."""
        hit = _walk(self._root, segments, 0)
        if hit is None:
            return None, {}, {}
        table, values, rest = hit
        route = table.get(method) or table.get("*") or (table.get("GET") if method == "HEAD" else None)
        if route is None:
            return None, {}, table
        return route, _bind(route.pattern, values, rest), {}


def _walk(node: _Node, segments: list[str], at: int) -> tuple[dict[str, Route], list[str], list[str]] | None:
    if at == len(segments):
        if node.routes:
            return node.routes, [], []
        return (node.rest, [], []) if node.rest else None
    segment = segments[at]
    child = node.literals.get(segment.lower())
    if child is not None and (hit := _walk(child, segments, at + 1)) is not None:
        return hit
    if node.parameter is not None and (hit := _walk(node.parameter, segments, at + 1)) is not None:
        table, values, rest = hit
        return table, [segment, *values], rest
    return (node.rest, [], segments[at:]) if node.rest else None


def _bind(pattern: str, values: list[str], rest: list[str]) -> dict[str, str]:
    """Names of the pattern to decoded values; `_walk` gave them in order."""
    bound: dict[str, str] = {}
    given = iter(values)
    for segment in pattern.split("/"):
        if segment.startswith("{*"):
            bound[segment[2:-1]] = "/".join(unquote(s) for s in rest)
        elif segment.startswith("{"):
            bound[segment[1:-1]] = unquote(next(given))
    return bound


def split_path(raw: str) -> list[str]:
    """Segments of an undecoded path; doubled slashes collapse (`az resource show` and the recordings send them)."""
    return [segment for segment in raw.split("/") if segment]
