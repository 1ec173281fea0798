"""Documents to resources: expressions filled in, checked, decoded, each address once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import field
from typing import Any, Final

from retrainctl import schemas
from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest.context import Context
from retrainctl.manifest.document import Document
from retrainctl.manifest.explain import Finding, findings
from retrainctl.manifest.foreach import MEMBER, Rows, items
from retrainctl.manifest.handler import KindHandler, RawDocument
from retrainctl.manifest.instance import Instance, Item
from retrainctl.manifest.rowfill import row_filler
from retrainctl.manifest.scope import ExpressionError
from retrainctl.manifest.traps import report_traps
from retrainctl.manifest.tree import compile_document, is_expression
from retrainctl.model.address import Address
from retrainctl.model.resource import Desired
from retrainctl.model.versions import ModelLine

MAX_REPORTED: Final = 100
"""So many findings are reported per document; the rest are counted."""
_FALLBACK: Final = Span("retrainctl.yaml", 1, 1)
MAX_ALIKE: Final = 3
"""So many findings with one code are reported per place: a forEach can make thousands."""


@dataclass(slots=True)
class _Reports:
    """The findings of one document, each place and message once, and not without end."""

    context: Context
    checker: schemas.Checker
    trapped: frozenset[int]
    seen: set[tuple[str, Span, str]] = field(default_factory=set)
    alike: Counter[tuple[str, Span]] = field(default_factory=Counter)
    reported: int = 0
    omitted: int = 0

    @property
    def full(self) -> bool:
        return self.reported >= MAX_REPORTED

    def error(self, code: str, message: str, span: Span, hint: str, address: str | None = None) -> None:
        key = (code, span, message)
        if key in self.seen:
            return
        self.seen.add(key)
        self.alike[code, span] += 1
        if self.full or self.alike[code, span] > MAX_ALIKE:
            self.omitted += 1
            return
        self.reported += 1
        self.context.found.error(code, message, span, hint or None, address)


@dataclass(slots=True)
class Assembly:
    """Collects what the documents of a project make."""

    context: Context
    desired: list[Desired] = field(default_factory=list)
    raw: dict[str, list[RawDocument]] = field(default_factory=dict)
    _taken: dict[tuple[str, ...], Desired] = field(default_factory=dict)

    def add(self, document: Document, handler: KindHandler) -> None:
        """Makes the resources of one document."""
        context = self.context
        trapped = report_traps(document, handler.schema, context.found)
        reports = _Reports(context, schemas.checker(handler.schema), trapped)
        broken = document.broken or bool(trapped)
        if MEMBER in document.data or document.templated:
            broken |= not self._fill(document, handler, reports, broken)
        else:
            broken |= not self._one(Instance(document, document.data), handler, reports, broken)
        if reports.omitted:
            message = f"{reports.omitted} more findings like these"
            context.found.error("RC118", message, document.start, "Mend the ones that are shown first.")
        if broken:
            self._doubt(document)

    def _fill(self, document: Document, handler: KindHandler, reports: _Reports, broken: bool) -> bool:
        """The resources of a document with expressions; whether all were made."""
        context = self.context
        each = MEMBER in document.data
        tree = compile_document(document, context.scope, with_item=each, late=handler.late)
        self._failed(tree.failures, Instance(document, document.data, tree), reports)
        made: Iterable[Item] | None = [Item(None)]
        if each:
            made = items(document, context.scope, context.tables, context.found)
        if made is None or tree.failures:
            self._check_unfilled(document, handler, reports)
            return False
        if isinstance(made, Rows) and (fill := row_filler(tree, made.table)) is not None:
            one, rows = self._one, made.table.rows
            # Every row is looked at, also behind one with errors.
            ends = [one(Instance(document, fill(rows[i.row]), tree, i), handler, reports, broken) for i in made]
            return all(ends)
        fine, checked = True, False
        for item in made:
            data, failures = tree.fill(item.value)
            instance = Instance(document, data, tree, item if each else None)
            if failures:
                self._failed(failures, instance, reports)
                fine = False
                continue
            checked = True
            fine &= self._one(instance, handler, reports, broken)
        if not checked:
            self._check_unfilled(document, handler, reports)
        return fine

    def _failed(self, failures: list[tuple[int, ExpressionError]], instance: Instance, reports: _Reports) -> None:
        """Reports expressions without value: at the item where its value is to blame, else where they stand."""
        for at, error in failures:
            of_value = error.code in ("RC123", "RC124")
            span = instance.span_at(at) if of_value else instance.document.span_at(at)
            reports.error(error.code, error.message, span, error.hint)

    def _one(self, instance: Instance, handler: KindHandler, reports: _Reports, broken: bool) -> bool:
        """Checks and decodes one resource; whether it was made."""
        data = instance.data
        if not reports.checker.is_valid(data):
            if reports.full:
                reports.omitted += 1
                return False
            for finding in findings(reports.checker.violations(data)):
                self._report(finding, instance, reports)
            return False
        address = instance.checked(handler.kind, data)
        if not self._declare(address, instance, reports) or broken:
            return False
        decoded = handler.decode(instance, self.context)
        instance.forget()
        match decoded:
            case Desired():
                self._take(decoded)
            case ModelLine():
                self.context.models[decoded.name] = decoded
            case RawDocument():
                self.raw.setdefault(handler.kind, []).append(decoded)
            case None:
                self.context.unsure.names.add(address)
                return False
        return True

    def finish(self) -> None:
        """Makes what is only known once every document is decoded."""
        for make in self.context.parts:
            part = make()
            self.context.declared.setdefault(part.address, part.span(()) or _FALLBACK)
            self._take(part)

    def _take(self, decoded: Desired) -> None:
        self.context.places[decoded.address] = decoded.place
        self.desired.append(decoded)
        self._place(decoded)

    def _report(self, finding: Finding, instance: Instance, reports: _Reports) -> None:
        document = instance.document
        key, value, depth = document.find(finding.path) if instance.tree is None else instance.find(finding.path)
        if value in reports.trapped or key in reports.trapped:
            return
        if finding.code == "RC120" and self.context.sources.told_of_secret(document.span_at(value)):
            return
        at = key if finding.at_key or depth < len(finding.path) else value
        metadata: Any = instance.data.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        address = f"{instance.data.get('kind')}/{name}" if isinstance(name, str) else None
        hint = finding.hint
        if hint.startswith("Put it in quotes") and is_expression(document.data, finding.path):
            hint = "The expression gives no text: {{ ...|string }} makes it one."
        reports.error(finding.code, finding.message, instance.span_at(at), hint, address)

    def _declare(self, address: Address, instance: Instance, reports: _Reports) -> bool:
        """Takes an address; reports a second resource that has it."""
        declared = self.context.declared
        span = instance.origin
        first = declared.get(address)
        if first is None:
            declared[address] = span
            return True
        same = instance.item is not None and instance.tree is not None and "item" not in _name_of(instance)
        reports.error(
            "RC130",
            f"{address} is declared twice; the first is at {first}",
            span if span != first else instance.span(("metadata", "name"), key=False),
            "Use `item` in metadata.name." if same else "Give one of them another name.",
            str(address),
        )
        return False

    def _place(self, decoded: Desired) -> None:
        """Reports a second manifest for one and the same resource of the target."""
        key = (decoded.address.kind, *map(str.casefold, decoded.place.values()))
        first = self._taken.setdefault(key, decoded)
        if first is decoded:
            return
        where = ", ".join(decoded.place.values())
        self.context.found.error(
            "RC131",
            f"{decoded.address} and {first.address} (at {first.origin}) are one and the same resource: {where}",
            decoded.span(("name",)),
            "Keep one of the two.",
            str(decoded.address),
        )

    def _check_unfilled(self, document: Document, handler: KindHandler, reports: _Reports) -> None:
        """Checks what a document says apart from its expressions, where no resource shows it."""
        data = {name: value for name, value in document.data.items() if name != MEMBER}
        for finding in findings(reports.checker.violations(data)):
            if not is_expression(data, finding.path):
                self._report(finding, Instance(document, data), reports)

    def _doubt(self, document: Document) -> None:
        """Remembers that a resource may be declared by a document with errors."""
        metadata = document.data.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        kind = str(document.data.get("kind"))
        if isinstance(name, str) and "{{" not in name:
            self.context.unsure.names.add(Address(kind, name))
        else:
            self.context.unsure.kinds.add(kind)


def _name_of(instance: Instance) -> str:
    """The name as the manifest writes it."""
    name: str = instance.document.data["metadata"]["name"]
    return name
