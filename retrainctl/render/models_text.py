"""Models and their versions in text: the list, one model, and what a verification found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from retrainctl.render.escape import visible
from retrainctl.render.style import PLAIN, Style, count, wrapped
from retrainctl.render.table import table

_ROLES = {"error": "danger", "warning": "warning", "note": "note"}


def models_text(document: Mapping[str, Any], style: Style = PLAIN) -> str:
    """The document of `models list`."""
    models = document["models"]
    if not models:
        return "No model is declared.\n"
    rows = [
        (
            visible(model["name"]),
            f"{model['versions']:,}",
            "" if model["latest"] is None else f"@{model['latest']}",
            visible(model["trained_at"] or ""),
            _users(model["used_by"]),
        )
        for model in models
    ]
    return (
        "\n".join(table(("MODEL", "VERSIONS", "LATEST", "TRAINED", "USED BY"), rows, style, right={1, 2}, indent=0))
        + "\n"
    )


def _users(uses: Sequence[Mapping[str, Any]]) -> str:
    """`WebService/census @2`, or how many slots have which version."""
    if len(uses) == 1:
        return f"{visible(uses[0]['address'])} @{uses[0]['version']}"
    by_version = Counter(use["version"] for use in uses)
    return ", ".join(f"{count(number, 'slot')} @{version}" for version, number in sorted(by_version.items()))


def model_text(document: Mapping[str, Any], style: Style = PLAIN) -> str:
    """The document of `models show`."""
    return "\n".join(_model(document, style)) + "\n"


def _model(document: Mapping[str, Any], style: Style) -> Iterator[str]:
    versions = document["versions"]
    yield style.paint("strong", f"{visible(document['name'])}: {count(len(versions), 'version')}")
    for version in versions:
        yield ""
        yield f"  @{version['version']}  {visible(version['uri'] or version['file'] or '')}"
        for name, value in _facts(version):
            yield from wrapped(value, style, first=f"      {name:<9}", rest=" " * 15)


def _facts(version: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if version["file"] is not None:
        size = version["size"]
        yield "file", "local; uploaded on apply" if size is None else f"local, {size:,} bytes; uploaded on apply"
    for name, member in (("sha256", "sha256"), ("etag", "etag"), ("trained", "trained_at"), ("run", "run")):
        if version[member]:
            yield name, visible(version[member])
    if version["metrics"]:
        yield "metrics", ", ".join(f"{visible(name)} {value:.6g}" for name, value in version["metrics"].items())
    for use in version["used_by"]:
        yield "used by", f"{visible(use['address'])}, slot {visible(use['slot'])}"
    if version["origin"]:
        yield "declared", f"at {visible(version['origin'])}"


def checks_text(document: Mapping[str, Any], style: Style = PLAIN) -> str:
    """The document of `models verify`."""
    return "\n".join(_checks(document, style)) + "\n"


def _checks(document: Mapping[str, Any], style: Style) -> Iterator[str]:
    versions, found = document["versions"], document["findings"]
    checked = f"{count(len(versions), 'version')} checked in {visible(document['environment'])}"
    verdict = count(found, "finding") if found else "no findings"
    yield style.paint("danger" if found else "strong", f"{checked}: {verdict}.")
    if not versions:
        return
    yield ""
    rows = [
        (
            "ok" if version["ok"] else "FINDING",
            visible(version["label"]),
            "" if version["size"] is None else f"{version['size']:,}",
            _hash(version),
            visible(version["uri"] or version["file"] or ""),
        )
        for version in sorted(versions, key=lambda entry: bool(entry["ok"]))
    ]
    yield from table(("", "VERSION", "BYTES", "HASH", "WHERE"), rows, style, right={2})
    for version in versions:
        for finding in version["findings"]:
            yield ""
            yield from _finding(finding, style)


def _hash(version: Mapping[str, Any]) -> str:
    if version["declared_sha256"] is None:
        return "not declared"
    if version["sha256"] is None:
        return "not read"
    return "as declared" if version["sha256"] == version["declared_sha256"] else "DIFFERS"


def _finding(finding: Mapping[str, Any], style: Style) -> Iterator[str]:
    label = f"{finding['severity']}[{finding['code']}]"
    lines = wrapped(visible(finding["message"]), style, first=f"{label}: ", rest="  ")
    yield style.paint(_ROLES.get(finding["severity"], ""), label) + lines[0].removeprefix(label)
    yield from lines[1:]
    if finding["path"]:
        yield f"  --> {visible(finding['path'])}:{finding['line']}:{finding['column']}"
    if finding["hint"]:
        yield from wrapped(visible(finding["hint"]), style, first="  = help: ", rest="    ")
