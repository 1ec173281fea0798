"""Manifests as text, for `init` and `import`: new files only; changing existing ones is `manifest.edit`'s job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

API_VERSION = "retrainctl/v1"


def manifest(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """One manifest as plain data, members in the order that people write them."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def text(documents: Sequence[Mapping[str, Any]], *, schema: str | None = None, comment: str = "") -> str:
    """YAML of one or more documents, block style, the editor's schema line first.

    comment: lines put above the first document, each as a `#` comment.
    """
    import yaml

    head = [f"# yaml-language-server: $schema={schema}"] if schema else []
    head += [f"# {line}".rstrip() for line in comment.splitlines()]
    bodies = [
        yaml.dump(document, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
        for document in documents
    ]
    return "".join(f"{line}\n" for line in head) + "---\n".join(bodies)


def _dumper() -> Any:
    """As a person would write it: no aliases, list items indented under their key."""
    import yaml

    class Plain(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:
            return True

    return Plain
