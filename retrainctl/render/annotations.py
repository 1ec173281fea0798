"""Findings as log commands that GitHub Actions and Azure Pipelines turn into annotations at manifest lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from retrainctl.diagnostics import Diagnostic
from retrainctl.render.escape import azdo_data, azdo_property, github_data, github_property
from retrainctl.render.findings import LEVELS, Finding, diagnostic_findings, plan_findings
from retrainctl.render.view import PlanView

_GITHUB_LEVELS: Final = {"error": "error", "warning": "warning", "note": "notice"}
_GITHUB_MOST: Final = 10
"""Per level and step; GitHub drops the rest without a word (plan-apply-anchors.md section 6)."""


def plan_github(view: PlanView, folder: str = "") -> str:
    """A plan's findings as GitHub log commands, one per line, at most ten of a level; the last one counts the rest.

    folder: the project's, from the root of the repository, for that is what annotations are placed by.
    """
    return _joined(_github(_placed(plan_findings(view), folder)))


def diagnostics_github(diagnostics: Iterable[Diagnostic], folder: str = "") -> str:
    """The findings about the user's files as GitHub log commands."""
    return _joined(_github(_placed(diagnostic_findings(diagnostics), folder)))


def plan_azdo(view: PlanView, folder: str = "") -> str:
    """A plan's findings as Azure Pipelines log commands. Notes have no place there and are left out."""
    return _joined(_azdo(_placed(plan_findings(view), folder)))


def diagnostics_azdo(diagnostics: Iterable[Diagnostic], folder: str = "") -> str:
    """The findings about the user's files as Azure Pipelines log commands."""
    return _joined(_azdo(_placed(diagnostic_findings(diagnostics), folder)))


def _placed(findings: Sequence[Finding], folder: str) -> Sequence[Finding]:
    if not folder:
        return findings
    return [
        replace(finding, place=replace(finding.place, path=f"{folder}/{finding.place.path}"))
        if finding.place.path
        else finding
        for finding in findings
    ]


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _github(findings: Sequence[Finding]) -> Iterator[str]:
    for level in LEVELS:
        of_level = [finding for finding in findings if finding.level == level]
        fit = len(of_level) <= _GITHUB_MOST
        for finding in of_level if fit else of_level[: _GITHUB_MOST - 1]:
            yield _github_command(finding)
        if not fit:
            rest = len(of_level) - _GITHUB_MOST + 1
            yield f"::{_GITHUB_LEVELS[level]} title=retrainctl::{rest} more of this level are in the report"


def _github_command(finding: Finding) -> str:
    place = finding.place
    properties = [("title", finding.code)]
    if place.path:
        properties.append(("file", place.path))
        properties.extend((name, str(n)) for name, n in (("line", place.line), ("col", place.column)) if n)
    named = ",".join(f"{name}={github_property(value)}" for name, value in properties)
    hint = f"%0Ahelp: {github_data(finding.hint)}" if finding.hint else ""
    return f"::{_GITHUB_LEVELS[finding.level]} {named}::{github_data(finding.text)}{hint}"


def _azdo(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        if finding.level == "note":
            continue
        place = finding.place
        properties = [("type", finding.level), ("code", finding.code)]
        if place.path:
            properties.append(("sourcepath", place.path))
            numbers = (("linenumber", place.line), ("columnnumber", place.column))
            properties.extend((name, str(n)) for name, n in numbers if n)
        named = "".join(f"{name}={azdo_property(value)};" for name, value in properties)
        hint = f" (help: {azdo_data(finding.hint)})" if finding.hint else ""
        yield f"##vso[task.logissue {named}]{azdo_data(finding.text)}{hint}"
