"""Finding the service that a URL means, and the models that it serves."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final

from retrainctl.emulator.blob.copies import ModelCopies, ModelCopy
from retrainctl.emulator.blob.shelf import Shelf
from retrainctl.emulator.exchange import Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.scoring.dialect import not_found, unauthorized
from retrainctl.emulator.serving import ServiceSource, Serving, UsageMeter
from retrainctl.emulator.training.graph import Graph, GraphInvalid, read_graph

_LOADED: Final = 64
_RECORDED_DELAY: Final = 30.0
"""Seconds until a patched Classic endpoint scores with its new model (articles of 2015 say 15, later ones 30)."""


class Services:
    """Asks the rooms that keep services."""

    def __init__(self, frame: Frame, shelf: Shelf, copies: ModelCopies) -> None:
        self._frame = frame
        self._shelf = shelf
        self._copies = copies

    def find(self, place: str) -> Serving:
        """The service at `FLAVOUR/SCOPE/SERVICE`, as `place_of` names it.

        Raises:
            Refusal: 404.
        """
        flavour, scope, service = place.split("/")
        for room in self._frame.rooms:
            if isinstance(room, ServiceSource) and (found := room.serving(flavour, scope, service)) is not None:
                return found
        raise not_found("WebServiceNotFound", f"No web service could be found with the id {service}.")

    def admitted(self, call: Call) -> Serving:
        """The service of a call that carries one of its keys.

        Raises:
            Refusal: 401 or 404.
        """
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        serving = self.find(place_of(call))
        known = any(hmac.compare_digest(key.encode(), own.encode()) for own in serving.keys)
        if scheme.lower() != "bearer" or not known:
            raise unauthorized()
        return serving

    def used(self, serving: Serving, seconds: float) -> None:
        """One answered call, for the plan that pays for it."""
        for room in self._frame.rooms:
            if isinstance(room, UsageMeter):
                room.used(serving.owner, 1, seconds)

    def graph(self, serving: Serving) -> Graph:
        """Raises `Refusal` 400 for a definition that is no graph."""
        try:
            return read_graph(serving.properties)
        except GraphInvalid as error:
            raise Refusal(
                400,
                "WebServicePackageError",
                "The web service package is invalid.",
                [("FormatError", f"{error}.")],
            ) from None

    def models(self, serving: Serving, graph: Graph) -> dict[str, tuple[str, ...]]:
        """Resource name to the contents of the model that is served for it.

        The copy was taken when the service was written. One that is not there yet - a seed loads services before
        blobs - or that is of another blob is taken now.

        Raises:
            Refusal: 404 when there is no model.
        """
        found: dict[str, tuple[str, ...]] = {}
        for slot, uri in graph.models().items():
            copy = self._copies.get(serving.owner, slot)
            bare = uri.partition("?")[0]
            if copy is None or copy.uri != bare or copy.contents is None:
                with self._frame.store.transaction():
                    self._copies.keep(serving.owner, slot, uri)
                    copy = self._copies.get(serving.owner, slot)
            contents = None if copy is None else self._effective(serving, copy)
            if contents is None:
                raise not_found("ModelPackageNotFound", f"The model of {slot!r} could not be found at {bare}.")
            with self._frame.store.transaction():
                for content in contents:
                    self._shelf.contents.make(content)
            found[slot] = contents
        return found

    def _effective(self, serving: Serving, copy: ModelCopy) -> tuple[str, ...] | None:
        """The former model, until the new one takes effect."""
        knobs = self._frame.knobs
        delay = knobs.number("model-delay")
        if not delay and knobs.on("realistic") and serving.endpoint:
            delay = _RECORDED_DELAY
        if copy.before is not None and self._frame.clock.now() < copy.taken + delay:
            return copy.before
        return copy.contents

    def files(self, contents: Sequence[str]) -> list[str]:
        """Paths of contents that exist."""
        return [str(self._shelf.contents.path(content)) for content in contents]


def place_of(call: Call) -> str:
    """`FLAVOUR/SCOPE/SERVICE` of a call, in lower case."""
    flavour = call.path.split("/")[1]
    return "/".join((flavour, call.params["scope"], call.params["service"])).lower()


class LoadedModels:
    """Models ready to score, the last used ones; used by several threads."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, ...], Any] = OrderedDict()
        self._lock = Lock()

    def get(self, contents: tuple[str, ...], files: Sequence[str], name: str) -> Any:
        """The `TrainedModel` of these contents.

        Raises:
            ModuleFailed: the file is no model that can be scored.
        """
        from retrainctl.emulator.training.modules import model_from

        with self._lock:
            if contents in self._models:
                self._models.move_to_end(contents)
                return self._models[contents]
        model = model_from(b"".join(Path(file).read_bytes() for file in files), name)
        with self._lock:
            self._models[contents] = model
            while len(self._models) > _LOADED:
                self._models.popitem(last=False)
        return model
