"""Trained model slots: the assets of a definition that point at a trained model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from retrainctl.definition.document import properties_of
from retrainctl.definition.nearest import SUFFIX, closest
from retrainctl.definition.parsing import invalid
from retrainctl.fastclass import dataclass
from retrainctl.model.redaction import is_signed, without_query

_EXTENSION: Final = ".ilearner"

_TRAINERS: Final = (
    "train model",
    "train clustering model",
    "train anomaly detection model",
    "train matchbox recommender",
    "tune model hyperparameters",
    "sweep clustering",
    "cross validate model",
)
"""Modules that make a model, by the start of their asset name (Studio's module names)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One trained model reference.

    name: what manifests call it: the asset's name, or `NAME (ASSET)` where several assets have that name.
    uri: where the model is, without query; `signed` tells whether the definition holds it with a SAS.
    """

    name: str
    asset: str
    uri: str
    signed: bool = False


def slots(document: Mapping[str, Any]) -> dict[str, Slot]:
    """Every trained model slot by name, in the definition's order.

    A slot is an asset of type `Resource` whose URI ends in `.ilearner` or whose name ends in `[trained model]`; a
    definition may hold several, beside other resources such as transforms (arm-webservices.md section 4.3).
    """
    found = [(asset, str(item.get("name") or asset), uri) for asset, item, uri in _trained(document)]
    often = Counter(name for _, name, _ in found)
    named: dict[str, Slot] = {}
    for asset, name, uri in found:
        while often[name] > 1 or name in named:
            name = f"{name} ({asset})"
        named[name] = Slot(name=name, asset=asset, uri=without_query(uri), signed=is_signed(uri))
    return named


def replace_slot(document: Mapping[str, Any], slot: str, uri: str) -> dict[str, Any]:
    """The same definition with one trained model reference pointing at `uri`.

    Everything else is shared with `document` and keeps its order; only the objects on the way to the reference are
    new.

    Raises:
        InvalidInput: there is no such slot, or its name is not unique.
    """
    asset = find(document, slot).asset
    properties = document["properties"]
    assets = properties["assets"]
    item = assets[asset]
    location = {**item["locationInfo"], "uri": uri}
    changed = {**assets, asset: {**item, "locationInfo": location}}
    return {**document, "properties": {**properties, "assets": changed}}


def find(document: Mapping[str, Any], slot: str) -> Slot:
    """The slot of this exact name; raises `InvalidInput` naming the slots that there are."""
    known = slots(document)
    if (found := known.get(slot)) is not None:
        return found
    if not known:
        raise invalid("RC212", no_slot_reason(document), hint="name the predictive service, not the training service")
    same = [name for name, other in known.items() if name == f"{slot} ({other.asset})"]
    if same:
        raise invalid(
            "RC211",
            f"several trained models are called {slot!r}",
            hint="name the asset too: " + ", ".join(repr(name) for name in same),
        )
    near = closest(slot, known)
    hint = (f"did you mean {near!r}? " if near else "") + "there is " + ", ".join(repr(name) for name in known)
    raise invalid("RC210", f"there is no trained model slot {slot!r}", hint=hint)


def is_training(document: Mapping[str, Any]) -> bool:
    """Whether the definition trains a model instead of holding one: nothing in it can be pointed at a new model."""
    return not slots(document) and _trainer(document) is not None


def no_slot_reason(document: Mapping[str, Any]) -> str:
    """Why a service without trained model slot cannot take a model version, in one sentence."""
    properties = properties_of(document)
    if properties.get("payloadsInBlobStorage"):
        return "the service keeps its definition in a blob (payloadsInBlobStorage); its trained models cannot be seen"
    if "assets" not in properties:
        return "the service has no definition, so it has no trained model slot"
    if (trainer := _trainer(document)) is not None:
        return f"this is a training service (it runs {trainer!r}); it has no trained model slot"
    return "the service has no trained model slot: no asset of type Resource holds a trained model"


def _trained(document: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any], str]]:
    assets = properties_of(document).get("assets")
    if not isinstance(assets, dict):
        return
    for asset, item in assets.items():
        if not isinstance(item, dict) or item.get("type") != "Resource":
            continue
        location = item.get("locationInfo")
        uri = location.get("uri") if isinstance(location, dict) else None
        if not isinstance(uri, str):
            continue
        path = uri if "?" not in uri and "#" not in uri else without_query(uri)
        if path.lower().endswith(_EXTENSION) or str(item.get("name") or "").rstrip().endswith(SUFFIX):
            yield asset, item, uri


def _trainer(document: Mapping[str, Any]) -> str | None:
    assets = properties_of(document).get("assets")
    for item in assets.values() if isinstance(assets, dict) else ():
        name = item.get("name") if isinstance(item, dict) else None
        if isinstance(name, str) and item.get("type") == "Module" and name.casefold().startswith(_TRAINERS):
            return name
    return None
