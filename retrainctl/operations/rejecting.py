"""Models that were not taken: kept where they are, with a word beside them why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from retrainctl.errors import RetrainctlError
from retrainctl.ports import BlobStore
from retrainctl.retrain.book import Book, Row, State
from retrainctl.retrain.results import mark


def mark_rejected(book: Book, store: BlobStore, *, abandoned: bool) -> list[str]:
    """Says beside each model that was not taken why not, so that its number counts as used up everywhere."""
    rows = [row for row in book.rows.values() if row.place is not None and _is_rejected(row, abandoned=abandoned)]
    if not rows:
        return []

    def one(row: Row) -> str | None:
        assert row.place is not None
        if row.state is State.FAILED and not _wrote(row, store):
            return None
        why: dict[str, Any] = {
            "model": row.model,
            "version": row.place.version,
            "state": row.state,
            "reason": row.job.why,
            "run": book.run,
            "job": row.job.id,
        }
        if row.outcome is not None:
            why |= {name: row.outcome.as_json()[name] for name in ("gates", "metrics", "sha256")}
        problem = mark(store, row.place.model, why)
        return None if problem is None else f"{row.model}@{row.place.version}: {problem}"

    with ThreadPoolExecutor(max_workers=min(8, len(rows))) as pool:
        return [problem for problem in pool.map(one, rows) if problem is not None]


def _is_rejected(row: Row, *, abandoned: bool) -> bool:
    if row.state is State.ACCEPTED:
        return abandoned and not row.recorded
    kinds = (State.GATE_FAILED, State.FAILED, State.CANCELLED, State.STUCK, State.VANISHED)
    return row.state in kinds and row.job.id is not None


def _wrote(row: Row, store: BlobStore) -> bool:
    """Whether a failed job has left anything at its place."""
    assert row.place is not None
    for uri in (row.place.model, row.place.evaluation):
        try:
            if uri is not None:
                store.facts(uri)
                return True
        except RetrainctlError:
            continue
    return False
