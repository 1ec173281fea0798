"""Writes the generated reference pages: commands (from the parser), error codes (from the catalogue), fields
of every kind (from the published schemas).

    python docs/generate.py            # write them
    python docs/generate.py --check    # exit 1 when a page is not up to date

Every page is a pure function of the code; tests/docs checks that they are up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrainctl import parity, schemas
from retrainctl.cli import app
from retrainctl.codes import catalogue

DOCS = Path(__file__).resolve().parent
REFERENCE = DOCS / "site" / "reference"
WIDTH = 80
NOTE = "<!-- Written by docs/generate.py. Do not edit. -->\n"

AREAS = {
    "0": "Project and command line",
    "1": "Manifests",
    "2": "Definitions and snapshots",
    "3": "Targets",
    "4": "Plan and guards",
    "5": "Apply and ledger",
    "6": "Retraining and model versions",
    "7": "Model files",
    "8": "Emulator",
    "9": "Single commands",
}


def pages() -> dict[Path, str]:
    """Every generated page with its text."""
    return {
        REFERENCE / "commands.md": commands_page(),
        REFERENCE / "errors.md": errors_page(),
        REFERENCE / "fields.md": fields_page(),
        DOCS / "parity.md": parity_page(),
    }


def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command and all below it, with their full names."""
    yield name, command
    for below, one in getattr(command, "commands", {}).items():
        yield from walk(f"{name} {below}", one)


def every_command() -> Iterator[tuple[str, Any]]:
    """All commands and subcommands, in the order of the root's help."""
    for name in app.COMMANDS:
        yield from walk(name, app.load(name))


def help_of(name: str, command: Any, width: int = WIDTH) -> str:
    """What `retrainctl NAME --help` prints on a terminal of this width."""
    # Typer's own context class; its parser library is not a door of ours.
    context = command.context_class(
        command, info_name=f"retrainctl {name}", terminal_width=width, max_content_width=width, color=False
    )
    with context:
        text: str = command.get_help(context)
    return "\n".join(line.rstrip() for line in text.splitlines()).strip() + "\n"


def commands_page() -> str:
    lines = [
        NOTE,
        "# Commands\n",
        "`retrainctl COMMAND --help` prints the same, offline. Results go to stdout, progress and messages to stderr.",
        "[Exit codes](exit-codes.md) and [environment variables](environment.md) have pages of their own.\n",
    ]
    for section in dict.fromkeys(entry.section for entry in app.COMMANDS.values()):
        lines.append(f"\n## {section}\n")
        for name, entry in app.COMMANDS.items():
            if entry.section == section:
                for full, command in walk(name, app.load(name)):
                    lines += [f"\n### {full}\n", "```text", help_of(full, command).rstrip(), "```"]
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    lines = [
        NOTE,
        "# Error codes\n",
        "Every error has a code. `retrainctl explain CODE` prints its entry, offline.\n",
    ]
    area = ""
    for name, code in catalogue().items():
        if name[2] != area:
            area = name[2]
            lines.append(f"\n## {AREAS[area]}\n")
        lines += [
            f"\n### {name} {_inert(code.title)} {{#{name.lower()}}}\n",
            f"**Cause.** {_inert(code.cause)}\n",
            f"**Fix.** {_inert(code.fix)}",
        ]
    return "\n".join(lines) + "\n"


def fields_page() -> str:
    lines = [
        NOTE,
        "# Fields\n",
        "Every field of every kind, from the [published schemas](../../../schemas/manifest.schema.json).",
        "[Manifests](manifests.md) explains them with examples. A bold field is needed.\n",
    ]
    for entry in schemas.document("manifest")["allOf"]:
        name = entry["then"]["$ref"].removesuffix(".schema.json")
        kind = schemas.document(name)
        lines += [
            f"\n## {kind['title']}\n",
            f"{_inert(kind['description'])}\n",
            "| field | type | says |",
            "|---|---|---|",
        ]
        lines += [" | ".join(("", *row, "")).strip() for row in _rows(name, kind["properties"]["spec"], "")]
    return "\n".join(lines) + "\n"


def parity_page() -> str:
    lines = [
        NOTE,
        "# PowerShell parity\n",
        "Every cmdlet and every parameter of `Az.MachineLearning` (and AzureRM before it) and of `AzureMLPS`: the",
        "command and the option that does it, and what differs on purpose. `retrainctl cmdlet NAME` says the same",
        "offline, and turns a whole cmdlet line into a command line. A test checks every row.\n",
    ]
    for module in dict.fromkeys(cmdlet.module for cmdlet in parity.cmdlets()):
        lines.append(f"\n## {module}\n")
        for cmdlet in parity.cmdlets():
            if cmdlet.module == module:
                lines += _cmdlet(cmdlet)
    return "\n".join(lines) + "\n"


def _cmdlet(cmdlet: parity.Cmdlet) -> Iterator[str]:
    yield f"\n### {cmdlet.name}\n"
    commands = [cmdlet.command, *dict.fromkeys(cmdlet.given.values())] if cmdlet.command else []
    said = " and ".join(f"`retrainctl {command}`" for command in commands)
    yield ". ".join(part for part in (said, _inert(cmdlet.note).rstrip(".")) if part) + ".\n"
    if not cmdlet.command or not cmdlet.parameters:
        return
    yield "| parameter | here | note |"
    yield "|---|---|---|"
    for row in cmdlet.rows[1:]:
        other = f" (`{row.command}`)" if row.command not in ("", cmdlet.command) else ""
        here = f"`{row.option}`{other}" if row.option else ""
        yield f"| `-{row.parameter}` | {here} | {_cell(row.note)} |"


def _rows(file: str, node: dict[str, Any], prefix: str, chosen: bool = False) -> Iterator[tuple[str, str, str]]:
    """The members of an object schema and of the objects in them: field, type, description.

    chosen: the object is one of several forms, so that none of its members is always needed.
    """
    for name, below in node.get("properties", {}).items():
        at, resolved = _resolved(file, below)
        needed = "**" if name in node.get("required", ()) and not chosen else ""
        if below.get("$ref", "").endswith("/secretRef"):
            resolved = {"type": "[secret](manifests.md#secrets)"}
        says = below.get("description") or resolved.get("description", "")
        yield f"{needed}`{prefix}{name}`{needed}", _type(at, resolved), _cell(says)
        yield from _members(at, resolved, f"{prefix}{name}")
    if isinstance(free := node.get("additionalProperties"), dict):
        yield from _members(*_resolved(file, free), f"{prefix}NAME")


def _members(file: str, node: dict[str, Any], place: str, chosen: bool = False) -> Iterator[tuple[str, str, str]]:
    if "properties" in node or isinstance(node.get("additionalProperties"), dict):
        yield from _rows(file, node, f"{place}.", chosen)
    if isinstance(items := node.get("items"), dict):
        yield from _members(*_resolved(file, items), f"{place}[]")
    for one in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        yield from _members(*_resolved(file, one), place, chosen=True)


def _resolved(file: str, node: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A schema behind its reference, and the file that it stands in."""
    while "$ref" in node:
        other, _, pointer = node["$ref"].partition("#/$defs/")
        file = other.removesuffix(".schema.json") or file
        node = schemas.document(file)["$defs"][pointer]
    return file, node


def _type(file: str, node: dict[str, Any]) -> str:
    """The type in a word or two; an expression may stand everywhere and is not named."""
    if "const" in node or "enum" in node:
        return ", ".join(f"`{one}`" for one in node.get("enum", [node.get("const")]))
    if isinstance(kinds := node.get("type"), str):
        return {"array": "list", "string": "text", "integer": "whole number", "boolean": "true, false"}.get(
            kinds, kinds
        )
    found: list[str] = []
    for one in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        if not one.get("$ref", "").endswith(("/expression", "/template")):
            found.append(_type(*_resolved(file, one)))
    return " or ".join(dict.fromkeys(name for name in found if name)) or "any"


def _cell(text: str) -> str:
    return _inert(text).replace("|", "\\|").replace("\n", " ")


def _inert(text: str) -> str:
    """Catalogue text has code spans and nothing else of Markdown: what is outside of them stays as it is."""
    parts = text.split("`")
    for index in range(0, len(parts), 2):
        for sign in "\\*_<[":
            parts[index] = parts[index].replace(sign, f"&#{ord(sign)};")
    return "`".join(parts)


def main() -> int:
    old = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        for path in old:
            sys.stdout.write(f"{path.name} is not up to date: python docs/generate.py\n")
        return 1 if old else 0
    for path in old:
        path.write_text(pages()[path], encoding="utf-8")
        sys.stdout.write(f"written: {path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
