"""Makes `schemas/definition.schema.json` from the table in `retrainctl/definition/shape.py`.

Run as `python -m tests.support.definition_schema` after the table has changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from retrainctl.definition.shape import PARAMETER, PROPERTIES, WEB_SERVICE, Leaf, ListOf, MapOf, Record, Type

FILE = Path(__file__).resolve().parents[2] / "schemas" / "definition.schema.json"

_FLAG_TEXTS = "^\\s*([Tt]rue|[Ff]alse|TRUE|FALSE)\\s*$"
_LEAVES: dict[Leaf, dict[str, Any]] = {
    Leaf.TEXT: {"type": ["string", "number", "boolean", "null"]},
    Leaf.FLAG: {"anyOf": [{"type": ["boolean", "null"]}, {"enum": [0, 1]}, {"type": "string", "pattern": _FLAG_TEXTS}]},
    Leaf.COUNT: {"anyOf": [{"type": ["integer", "null"]}, {"type": "string", "pattern": "^\\s*-?[0-9]{1,17}\\s*$"}]},
    Leaf.MOMENT: {"type": ["string", "null"]},
    Leaf.PARAMETER: {"anyOf": [{"type": ["string", "number", "boolean", "null"]}, {"$ref": "#/$defs/parameter"}]},
    Leaf.ANY: {},
}


def schema() -> dict[str, Any]:
    """The published schema: as lenient as reading is, but for the capitalisation of member names."""
    shared: dict[int, str] = {}
    defs: dict[str, Any] = {}

    def place(kind: Type, name: str) -> dict[str, Any]:
        match kind:
            case Leaf():
                return dict(_LEAVES[kind])
            case MapOf(of):
                return {"type": ["object", "null"], "additionalProperties": place(of, name)}
            case ListOf(of):
                return {"type": ["array", "null"], "items": place(of, name)}
            case Record(members):
                if id(kind) not in shared:
                    shared[id(kind)] = name if name not in defs else f"{name}{len(defs)}"
                    label = shared[id(kind)]
                    defs[label] = {}
                    inner = {member: place(below, member) for member, below in members.items()}
                    defs[label] = {"type": ["object", "null"], "properties": inner}
                return {"$ref": f"#/$defs/{shared[id(kind)]}"}

    place(PARAMETER, "parameter")
    root = {member: place(kind, member) for member, kind in WEB_SERVICE.members.items()}
    own = defs[shared[id(PROPERTIES)]]
    own["type"] = "object"
    own["properties"]["packageType"] = {"enum": ["Graph", None]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://retrainctl.dev/schemas/v1/definition.schema.json",
        "title": "Web service definition",
        "description": (
            "The definition JSON of a New (Azure Resource Manager) web service, of api-version 2016-05-01-preview or "
            "2017-01-01, as exports, GET and hand-edited files hold it. Unknown members are allowed everywhere."
        ),
        "type": "object",
        "required": ["properties"],
        "properties": root,
        "$defs": defs,
    }


def text() -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
