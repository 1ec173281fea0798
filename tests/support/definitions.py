"""Generated web service definitions: realistic graphs with odd names, unknown members and both parameter forms.

What a server or a cmdlet does to a definition without changing its meaning is here too, so that properties such as
"the fingerprint does not change" can be stated.
"""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
ACCOUNT = "https://acct.blob.core.windows.net"

_TEXT = st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\x00")
texts = st.text(_TEXT, max_size=12)
"""Any text that JSON can hold."""

_ODD = [
    "asset1",
    "node2",
    "Column 0",
    "<=50K",
    "39 (2)",
    "state-gov",
    "Größe",
    "日本",
    "a/b",
    "x.y",
    "0",
    "assets",
    "Uri",
]
keys = st.one_of(st.sampled_from(_ODD), st.sampled_from(_ODD), st.text(_TEXT, min_size=1, max_size=8))
"""Keys of maps: asset ids, column names. They are data, in any capitalisation."""

service_names = st.one_of(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._()-]{0,30}", fullmatch=True),
    st.sampled_from(
        ["CON", "nul.txt", ".hidden", "ends.", "with blank", "Größe [Predictive Exp.]", "a" * 116, "~tilde~"]
    ),
    st.text(
        st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters='<>*%&:?+/\\"'), min_size=1
    )
    .map(str.strip)
    .filter(bool),
)
"""Names that Azure allows (arm-webservices.md section 1), the awkward ones first."""

numbers = st.one_of(
    st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0 or 0.0)
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)

unknown = st.one_of(
    st.just({}),
    st.sampled_from(
        [
            {"futureMember": None},
            {"futureMember": {"On": True, "list": [1, 1.0, 1e-7, -0.0, 1e22, None, "\u2028"], "deep": {"Größe": []}}},
            {"xInternal": 2**70, "ui": ""},
            {"schemaVersion": 3, "Ünknown": {"Uri": "https://x/?sv=1", "nodes": {}, "credentials": ""}},
        ]
    ),
    st.dictionaries(st.sampled_from(["futureMember", "ui"]), scalars, min_size=1, max_size=2),
)
"""Members that no version of the API that we know has."""


def _blob(extension: str) -> st.SearchStrategy[str]:
    return st.integers(0, 99).map(lambda number: f"{ACCOUNT}/models/{number:08x}{extension}")


@st.composite
def _module(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(["Score Model", "Execute R Script", "Apply Transformation", "Edit Metadata"]))
    location: dict[str, Any] = {"uri": f"aml://module/5061.{draw(st.integers(1, 9))}.v1-default-1730"}
    if draw(st.booleans()):
        location["credentials"] = ""
    return {"name": name, "type": "Module", "locationInfo": location, **draw(unknown)}


@st.composite
def _resource(draw: st.DrawFn, number: int, *, model: bool) -> dict[str, Any]:
    base = draw(st.sampled_from(["Census", "Bike Rental", "Größe", "x"]))
    if model:
        ending = draw(st.sampled_from([" [trained model]", ""]))
        uri = draw(_blob(".ilearner"))
    else:
        ending, uri = " [Normalize Data]", draw(_blob(".itransform"))
    item: dict[str, Any] = {
        "name": f"{base} {number}{ending}",
        "type": "Resource",
        "locationInfo": {"uri": uri, **draw(unknown)},
        **draw(unknown),
    }
    if draw(st.booleans()):
        item["outputPorts"] = {"Results dataset": {"type": "Dataset"}}
    return item


@st.composite
def _parameters(draw: st.DrawFn, *, preview: bool) -> dict[str, Any]:
    values = draw(st.dictionaries(keys, texts, max_size=3))
    if preview:
        return dict(values)
    out: dict[str, Any] = {}
    for name, value in values.items():
        secret = value.startswith("0")
        out[name] = {"value": "Y2lwaGVy" if secret else value, "certificateThumbprint": "AB12" if secret else ""}
    return out


_COLUMNS: list[dict[str, Any]] = [
    {},
    {"Column 0": {"type": "String", "format": "", "x-ms-isnullable": False}},
    {
        "39": {"type": "Integer", "format": "Int32", "x-ms-isnullable": True},
        "<=50K": {"type": "String", "format": "", "x-ms-isnullable": False},
        "39 (2)": {"type": "Number", "format": "Double", "x-ms-isnullable": True},
    },
    {
        "<=50K": {"type": "String", "x-ms-isnullable": False, "enum": [">50K", "<=50K", 1, 1.0, True]},
        "Größe": {"type": "Number", "format": "Float", "x-ms-isordered": False},
        "Type": {"type": "Boolean", "x-ms-isnullable": False, "futureMember": 1},
        "日本": {"type": "Boolean", "x-ms-isnullable": False, "futureMember": True},
    },
]


def _ports(port: str) -> st.SearchStrategy[dict[str, Any]]:
    drawn = st.dictionaries(keys, st.just({"type": "Integer", "x-ms-isnullable": False}), min_size=1, max_size=4)
    return st.one_of(st.sampled_from(_COLUMNS), drawn).map(
        lambda columns: {
            "title": "",
            "description": "",
            "type": "object",
            "properties": {port: {"title": "", "description": "", "type": "object", "properties": dict(columns)}},
        }
    )


@st.composite
def properties(draw: st.DrawFn, *, models: int | None = None, preview: bool | None = None) -> dict[str, Any]:
    """The `properties` of a predictive service, as GET shows them but for server values.

    Args:
        models: how many trained models it holds; None draws one to three.
        preview: whether parameters have the 2016 form; None draws.
    """
    count = draw(st.integers(1, 3)) if models is None else models
    old = draw(st.booleans()) if preview is None else preview
    ids = draw(st.lists(keys, min_size=count + 2, max_size=count + 4, unique=True))
    assets: dict[str, Any] = {}
    for number, asset in enumerate(ids):
        if number < count:
            assets[asset] = draw(_resource(number, model=True))
        else:
            assets[asset] = draw(st.one_of(_module(), _resource(number, model=False)))
    if draw(st.booleans()):
        assets = dict(reversed(assets.items()))
    nodes: dict[str, Any] = {f"node{n}": {"assetId": asset} for n, asset in enumerate(assets)}
    for number in draw(st.sets(st.integers(0, len(assets) - 1), max_size=2)):
        nodes[f"node{number}"]["parameters"] = draw(_parameters(preview=old))
    nodes["in"], nodes["out"] = {"inputId": "input1"}, {"outputId": "output1"}
    edges = [{"sourceNodeId": "in", "targetNodeId": "node0", "targetPortId": "Dataset"}]
    rows = st.lists(st.lists(scalars, max_size=3), max_size=1)
    out: dict[str, Any] = {
        "packageType": "Graph",
        "package": {"nodes": nodes, "edges": edges, "graphParameters": {}, **draw(unknown)},
        "title": draw(texts),
        "readOnly": False,
        "exposeSampleData": draw(st.booleans()),
        "realtimeConfiguration": {"maxConcurrentCalls": draw(st.integers(4, 200))},
        "storageAccount": {"name": "acct"},
        "input": draw(_ports("input1")),
        "output": draw(_ports("output1")),
        "exampleRequest": {"inputs": {"input1": draw(rows)}},
        "assets": assets,
        "parameters": draw(_parameters(preview=old)),
        **draw(unknown),
    }
    if draw(st.booleans()):
        out["description"] = draw(texts)
    if draw(st.booleans()):
        out["diagnostics"] = {"level": draw(st.sampled_from(["None", "Error", "All"]))}
    return out


@st.composite
def definitions(draw: st.DrawFn, *, models: int | None = None, preview: bool | None = None) -> dict[str, Any]:
    """A predictive service as GET shows it."""
    name = draw(service_names)
    inner = draw(properties(models=models, preview=preview))
    server = {
        "payloadsInBlobStorage": False,
        "provisioningState": "Succeeded",
        "createdOn": "2017-04-26T17:02:44.480233Z",
        "modifiedOn": f"2017-04-26T17:02:57.{draw(st.integers(0, 9999999)):07d}Z",
        "swaggerLocation": "https://ussouthcentral.services.azureml.net/subscriptions/0/services/1/swagger.json",
    }
    return {
        "id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.MachineLearning/webServices/{name}",
        "name": name,
        "type": "Microsoft.MachineLearning/webServices",
        "location": "South Central US",
        "tags": draw(st.dictionaries(keys, texts, max_size=2)),
        "properties": {**server, **inner},
        **draw(unknown),
    }


def served(document: dict[str, Any]) -> dict[str, Any]:
    """The same service as a server answers: other member order, defaults shown, location spelled otherwise."""
    out = copy.deepcopy(document)
    inner = out["properties"]
    inner.setdefault("realtimeConfiguration", {"maxConcurrentCalls": 20})
    inner.setdefault("exposeSampleData", False)
    out["location"] = str(out.get("location", "")).replace(" ", "").lower()
    if inner.get("parameters") == {}:
        del inner["parameters"]
    out["properties"] = dict(reversed(inner.items()))
    for name in ("package", "exampleRequest", "realtimeConfiguration"):
        if isinstance(inner.get(name), dict):
            out["properties"][name] = dict(reversed(inner[name].items()))
    out["properties"]["assets"] = dict(reversed(inner["assets"].items()))
    return dict(reversed(out.items()))


def pascal(tree: Any) -> Any:
    """The same document as hand-edited files have it: fixed members in PascalCase, map keys as they are."""
    from retrainctl.definition.shape import WEB_SERVICE, ListOf, MapOf, Record

    def turn(value: Any, kind: Any) -> Any:
        match kind:
            case Record(members) if isinstance(value, dict):
                return {_pascal(n, members): turn(item, members.get(n)) for n, item in value.items()}
            case MapOf(of) if isinstance(value, dict):
                return {name: turn(item, of) for name, item in value.items()}
            case ListOf(of) if isinstance(value, list):
                return [turn(item, of) for item in value]
            case _:
                return value

    return turn(tree, WEB_SERVICE)


def _pascal(name: str, members: Any) -> str:
    return name if name not in members or name == "packageType" or "-" in name else name[0].upper() + name[1:]
