"""What the evidence leaves open about the Studio API (classic-api.md sections 6 and 13), as switches.

Evidence decides the default where there is any; where there is none, what a careless client notices.
"""

from __future__ import annotations

from typing import Final

from retrainctl.emulator.knobs import Knob


def _choice(name: str, choices: tuple[str, ...], meaning: str) -> Knob:
    return Knob(name=f"studio-{name}", form="choice", default=choices[0], choices=choices, meaning=meaning)


def _seconds(name: str, default: str, meaning: str) -> Knob:
    return Knob(name=f"studio-{name}", form="number", default=default, meaning=meaning)


def _fault(name: str, meaning: str) -> Knob:
    return Knob(name=f"studio-{name}", form="trigger", default="never", meaning=meaning)


KNOBS: Final = (
    _choice("wrong-token", ("401", "403", "404"), "status of a wrong token or another workspace"),
    _choice("invitations", ("both", "strict", "loose"), "JSON that invitations take: any, strict, unquoted names only"),
    _choice("write-status", ("200", "201"), "status of a POST that creates"),
    _choice("id-form", ("json", "bare"), "an id as answer: a JSON string, or the bare text"),
    _choice("storage-host", ("local", "azure"), "host of downloads: the emulator's own, or the real service's"),
    _choice("name-taken", ("conflict", "allow"), "a new family under a name that another one has: 409, or twice"),
    _choice("name-case", ("ignore", "exact"), "whether names that differ in case alone are the same"),
    _choice("lists", ("latest", "all"), "versions that lists show: the newest of each family, or all"),
    _choice("missing-family", ("404", "204"), "DELETE of a family that is not there"),
    _choice("promote-unfinished", ("reject", "accept"), "promoting from an experiment that has not finished"),
    _choice("schema-wait", ("Pending", "NotStarted", "Running"), "word for a schema that is not made yet"),
    _seconds("schema-seconds", "0.2", "seconds until a dataset's schema is there; 5 with realistic"),
    _seconds("module-seconds", "0.2", "seconds until a custom module is built; 10 with realistic"),
    _fault("schema-fail", "the schema of a dataset that is registered fails"),
    _fault("module-fail", "a custom module is not built"),
)
"""The path pattern of `studio-schema-fail` is matched against the path, a blank, and the body that registers."""
