"""What a kind brings: a handler, a schema; and what a kind may keep for later."""

from __future__ import annotations

import re
from pathlib import Path

from retrainctl import schemas
from retrainctl.codes import catalogue
from retrainctl.diagnostics import Diagnostics
from retrainctl.manifest.assemble import Assembly
from retrainctl.manifest.context import Context
from retrainctl.manifest.definitions import Definitions
from retrainctl.manifest.expressions import compile_text
from retrainctl.manifest.handler import KindHandler, RawDocument, Stage
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.kinds import handlers
from retrainctl.manifest.source import Sources
from retrainctl.manifest.tables import Tables
from retrainctl.manifest.versions import VersionTables
from retrainctl.manifest.yamlfile import read
from retrainctl.model.environment import Environment
from retrainctl.model.kind import KINDS
from tests.support.project_files import manifest


def test_every_handler_has_a_schema_of_its_kind() -> None:
    for kind, handler in handlers().items():
        assert handler.kind == kind
        assert schemas.document(handler.schema)["properties"]["kind"] == {"const": kind}


def test_resources_have_a_spec_for_the_engine() -> None:
    resources = {kind for kind, handler in handlers().items() if handler.stage in (Stage.REFERENCED, Stage.RESOURCES)}
    assert resources <= set(KINDS)


def _raw(instance: Instance, context: Context) -> RawDocument:
    item = {} if instance.item is None else {"item": instance.item.value}
    return RawDocument(
        kind="WebService",
        name=instance.address.name,
        spec=instance.spec,
        scope={**context.scope, **item},
        origin=instance.origin,
        instance=instance,
    )


LATE = KindHandler(
    kind="WebService",
    schema="webservice",
    stage=Stage.RULES,
    decode=_raw,
    late={("spec", "title"): frozenset({"version"})},
)


def _assembly(root: Path) -> Assembly:
    found = Diagnostics()
    sources = Sources(root, found)
    tables = Tables(sources)
    return Assembly(
        Context(
            environment=Environment(name="local"),
            environment_file="retrainctl.yaml",
            scope={"vars": {"stage": "blue"}, "environment": "local"},
            sources=sources,
            tables=tables,
            versions=VersionTables(tables, sources),
            definitions=Definitions(sources),
            found=found,
        )
    )


def test_a_member_may_keep_its_expressions_for_later(tmp_path: Path) -> None:
    assembly = _assembly(tmp_path)
    spec = '{title: "{{ vars.stage }}/{{ item }}-{{ version }}", description: "d{{ item }}"}'
    (document,) = read(
        manifest("WebService", '"w{{ item }}"', spec, "forEach: {range: [1, 2]}"), "a.yaml", Diagnostics()
    )
    assembly.add(document, LATE)
    assert not list(assembly.context.found)
    first, second = assembly.raw["WebService"]
    assert (second.name, second.spec["description"]) == ("w2", "d2")
    assert second.spec["title"] == "{{ vars.stage }}/{{ item }}-{{ version }}"
    assert (
        compile_text(second.spec["title"], frozenset(second.scope) | {"version"}).render({**second.scope, "version": 8})
        == "blue/2-8"
    )
    assert first.scope["item"] == 1


def test_an_expression_that_is_kept_is_checked_all_the_same(tmp_path: Path) -> None:
    assembly = _assembly(tmp_path)
    (document,) = read(manifest("WebService", "a", '{title: "{{ versoin }}"}'), "a.yaml", Diagnostics())
    assembly.add(document, LATE)
    assert [finding.code for finding in assembly.context.found] == ["RC122"]
    assert assembly.raw == {}


def test_every_code_that_this_room_uses_is_explained(repo: Path) -> None:
    known = catalogue()
    used = {
        code
        for path in [
            *(repo / "retrainctl" / "manifest").rglob("*.py"),
            repo / "retrainctl" / "operations" / "validate.py",
        ]
        for code in re.findall(r'"(RC\d{3})"', path.read_text(encoding="utf-8"))
    }
    assert used <= known.keys()
    from retrainctl.codes import manifest as area

    assert set(area.CODES) <= used
    example = known["RC012"]
    assert "environment" in example.cause
    assert "--env" in example.fix
