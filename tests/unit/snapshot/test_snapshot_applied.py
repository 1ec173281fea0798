"""A large `applied.json` is read by a quicker way, with the same result and the same complaints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retrainctl.errors import InvalidInput
from retrainctl.targets.snapshot import applied

SLOT = '{"uri": "https://a/b", "model": "m", "version": 3, "sha256": "00", "etag": "e"}'


def _read(root: Path) -> Any:
    try:
        return applied.read_applied(root, "s")
    except InvalidInput as error:
        return [(found.code, found.message) for found in error.diagnostics]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        '{"WebService/a": {}}',
        f'{{"Endpoint/e/x": {{"slots": {{"s": {SLOT}}}, "created": true, "identity": "i", "run": null}}}}',
        '{"WebService/a": {"fields": {"n": 12345678901234567890123, "f": 1.5, "tags": {"a": null}}, "new": 1}}',
        '{"WebService/a": {"fields": {"n": 1e400}}}',
        '{"WebService/a": {"fields": [1]}}',
        '{"WebService/a": {"slots": {"s": {"uri": 1}}}}',
        '{"WebService/a": {"slots": {"s": {"uri": "u", "version": "3"}}}}',
        '{"WebService/a": {"slots": {"s": {}}}}',
        '{"WebService/a": {"created": "yes", "revision": 5}}',
        '{"WebService/a": {"created": "yes"}}',
        '{"no address": {}}',
        '{"WebService/a": {"fields": {"x": "\\ud800"}}}',
        '{"WebService/a": {',
        "\ufeff{}",
    ],
)
def test_both_ways_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "applied.json").write_text(text, encoding="utf-8")
    careful = _read(tmp_path)
    monkeypatch.setattr(applied, "_LARGE", 0)
    assert _read(tmp_path) == careful
    assert repr(_read(tmp_path)) == repr(careful)
