"""Entries of the error catalogue for reading."""

from __future__ import annotations

from collections.abc import Mapping

from retrainctl.codes.entry import Code
from retrainctl.render.escape import json_text
from retrainctl.render.style import Style, wrapped


def code_text(name: str, code: Code, style: Style) -> str:
    """One entry in full."""
    lines = [style.paint("strong", f"{name}: {code.title}"), ""]
    lines.extend(wrapped(code.cause, style, first="Cause: "))
    lines.extend(wrapped(code.fix, style, first="Fix:   "))
    return "\n".join(lines) + "\n"


def codes_text(codes: Mapping[str, Code], style: Style) -> str:
    """Every code with its title, one a line."""
    return "".join(f"{style.paint('strong', name)}  {code.title}\n" for name, code in codes.items())


def codes_json(codes: Mapping[str, Code]) -> str:
    """A list of `{code, title, cause, fix}`."""
    return json_text([{"code": name, **code._asdict()} for name, code in codes.items()]) + "\n"
