"""Reading the Zip of custom modules: their definitions in XML, and what is wrong with it.

Rules, numbers and texts are Microsoft's ("Author custom R modules", "Module error codes" 0100 to 0114).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

_MOST: Final = 1024 * 1024
"""Bytes of one definition; no real one is near it."""


class BuildFailed(Exception):
    """The text is what the status of the build shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a definition says about one module."""

    name: str
    description: str
    owner: str
    category: str
    language: str
    deterministic: bool


def read_definitions(data: bytes) -> list[Definition]:
    """All modules of a Zip, in the order of their files' names.

    Raises:
        BuildFailed: `Error NNNN: ...`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            found = sorted(name for name in names if "/" not in name and name.lower().endswith(".xml"))
            texts = {name: _text(archive, name) for name in found}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise BuildFailed("Error 0102: Given ZIP file is not in the correct format") from error
    if not texts:
        raise BuildFailed("Error 0103: Given ZIP file does not contain any module definition files (.xml files)")
    return [_definition(name, text, frozenset(names)) for name, text in texts.items()]


def _text(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        text = file.read(_MOST + 1)
    if len(text) > _MOST or b"<!DOCTYPE" in text.upper():  # no document types: entities could grow without end
        raise BuildFailed(f"Error 0112: Unable to parse module definition file '{name}'.")
    return text


def _definition(file: str, text: bytes, files: frozenset[str]) -> Definition:
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - documents with declarations were refused
    except ElementTree.ParseError as error:
        raise BuildFailed(f"Error 0112: Unable to parse module definition file '{file}'.") from error
    name = root.get("name", "").strip()
    if root.tag != "Module" or not name:
        raise _faulty(file, "The root must be an element Module with a name.")
    language = root.find("Language")
    if language is None or not language.get("sourceFile") or not language.get("entryPoint"):
        raise _faulty(file, "An element Language with sourceFile and entryPoint is missing.")
    if language.get("name") != "R":
        raise BuildFailed("Error 0100: Unsupported custom module language specified")
    script = language.get("sourceFile", "").replace("\\", "/")
    if script not in files:
        raise BuildFailed(
            f"Error 0104: Referenced R script file '{script}' cannot be found. Ensure that the relative path to the "
            "file is correct from the definitions location."
        )
    ids = list(_ids(root))
    if len(set(ids)) != len(ids):
        raise BuildFailed(
            f"Error 0101: Module '{name}' has duplicate port/argument IDs. All port/argument IDs must be unique for "
            "a module."
        )
    return Definition(
        name=name,
        description=_said(root, "Description"),
        owner=_said(root, "Owner"),
        category=_said(root, "Category") or "Custom",
        language="R",
        deterministic=root.get("isDeterministic", "true").lower() != "false",
    )


def _ids(root: ElementTree.Element) -> Iterator[str]:
    for path in ("Ports/Input", "Ports/Output", "Arguments/Arg"):
        for element in root.iterfind(path):
            yield element.get("id", "")


def _said(root: ElementTree.Element, name: str) -> str:
    return (root.findtext(name) or "").strip()


def _faulty(file: str, why: str) -> BuildFailed:
    return BuildFailed(f"Error 0113: Module definition file '{file}' contains errors. {why}")
