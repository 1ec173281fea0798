"""`forEach`: the items that a document makes resources for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from retrainctl import schemas
from retrainctl.diagnostics import Diagnostics
from retrainctl.fastclass import dataclass
from retrainctl.manifest.csvfile import Table
from retrainctl.manifest.document import Document, children
from retrainctl.manifest.explain import findings
from retrainctl.manifest.instance import Item
from retrainctl.manifest.scope import Scope
from retrainctl.manifest.tables import Tables
from retrainctl.manifest.tree import evaluate_part

MAX_ITEMS: Final = 1_000_000
MEMBER: Final = "forEach"


@dataclass(frozen=True, slots=True)
class Rows:
    """The first rows of a table as items."""

    table: Table
    count: int

    def __iter__(self) -> Iterator[Item]:
        return (Item(None, None, self.table, row) for row in range(min(self.count, len(self.table.rows))))


def items(document: Document, scope: Scope, tables: Tables, found: Diagnostics) -> Iterable[Item] | None:
    """The items in order; None, reported, when they cannot be told."""
    given, failures = evaluate_part(document, (MEMBER,), scope)
    for at, error in failures:
        found.error(error.code, error.message, document.span_at(at), error.hint)
    if failures or not _valid(given, document, found):
        return None
    first = given.get("first")
    if "csv" in given:
        table = tables.load(given["csv"], document.file, lambda: document.span((MEMBER, "csv")))
        return None if table is None else Rows(table, len(table.rows) if first is None else first)
    if "range" in given:
        low, high = given["range"]
        span = document.span((MEMBER, "range"))
        count = max(high - low + 1, 0) if first is None else min(max(high - low + 1, 0), first)
        if count > MAX_ITEMS:
            found.error("RC103", f"more than {MAX_ITEMS:,} items", span, "Make the range smaller, or take the first N.")
            return None
        return (Item(number) for number in range(low, low + count))
    return islice(_entries(document, given["list"]), first)


def _valid(given: Any, document: Document, found: Diagnostics) -> bool:
    checker = schemas.checker("defs#forEach")
    if checker.is_valid(given):
        return True
    for finding in findings(checker.violations({} if given is None else given)):
        span = document.span((MEMBER, *finding.path), key=finding.at_key)
        found.error(finding.code, finding.message.replace("the document", MEMBER), span, finding.hint)
    return False


def _entries(document: Document, values: list[Any]) -> Iterator[Item]:
    """List items with their places; the items of a list that an expression made stand where the expression does."""
    _, at, _ = document.find((MEMBER, "list"))
    written = document.data[MEMBER]["list"]
    if isinstance(written, list):
        return (
            Item(value, document.span_at(place))
            for value, (_, place, _, _) in zip(values, children(written, at), strict=True)
        )
    return (Item(value, document.span_at(at)) for value in values)
