"""Any byte of a ledger may be changed, any tail may be missing: it is noticed, or nothing acknowledged was in it."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrainctl.ledger import chain, index, pack
from retrainctl.ledger.errors import LedgerCorrupt
from retrainctl.ledger.knowledge import Knowledge
from retrainctl.ledger.local import LocalLedgerStore
from retrainctl.ledger.records import BackupItem
from tests.support.ledgers import begin, endpoint, intent, open_ledger, take, whole_run, write

MUTATIONS = 5000 if os.environ.get("RETRAINCTL_FULL") else 400


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A ledger of two finished runs with a backup and a document."""
    folder = tmp_path / "ledger"
    ledger = open_ledger(LocalLedgerStore(folder))
    with take(ledger) as lease:
        run = begin(ledger, lease)
        run.attach("plan", b'{"plan":1}')
        run.backup([BackupItem(address=endpoint(1), identity="i", definition=b'{"a":1}')])
        write(run, endpoint(1))
        run.finish({"applied": 1})
    whole_run(ledger, [endpoint(2)])
    return folder


def test_every_changed_byte_of_a_record_or_a_pack_is_found(finished: Path) -> None:
    files = [*finished.glob("runs/*"), *finished.glob("packs/*")]
    chance = random.Random(7)
    for _ in range(MUTATIONS):
        file = chance.choice(files)
        whole = file.read_bytes()
        changed = bytearray(whole)
        place = chance.randrange(len(whole))
        changed[place] ^= 1 << chance.randrange(8)
        file.write_bytes(changed)
        with pytest.raises(LedgerCorrupt) as caught:
            open_ledger(LocalLedgerStore(finished)).verify()
        assert caught.value.file.endswith(file.name), f"byte {place} of {file.name}"
        file.write_bytes(whole)
    open_ledger(LocalLedgerStore(finished)).verify()


def test_a_crash_in_the_middle_of_any_append_leaves_what_came_before(tmp_path: Path) -> None:
    """Cut anywhere, as a power cut does: the whole lines before the cut count, and the next run goes on."""
    folder = tmp_path / "ledger"
    ledger = open_ledger(LocalLedgerStore(folder))
    with take(ledger) as lease:
        run = begin(ledger, lease)
        write(run, endpoint(1))
        run.intend([intent(endpoint(2)), intent(endpoint(3))])
    stream = folder / "runs" / "00000001.jsonl"
    whole = stream.read_bytes()
    ends = [0, *(place + 1 for place, byte in enumerate(whole) if byte == ord("\n"))]
    step = 5 if os.environ.get("RETRAINCTL_FULL") else 37
    for cut in sorted({*ends, *(end - 1 for end in ends[1:]), *range(0, len(whole), step)}):
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        (copy / "runs" / "00000001.jsonl").write_bytes(whole[:cut])
        crashed = open_ledger(LocalLedgerStore(copy))
        found = crashed.verify()
        assert found.records == sum(end <= cut for end in ends[1:])
        assert found.torn == cut - max(end for end in ends if end <= cut)
        known = [u.intent.address for u in crashed.unsettled()]
        whole_run(crashed, [endpoint(9)])
        after = open_ledger(LocalLedgerStore(copy))
        assert after.verify().torn == 0
        assert [u.intent.address for u in after.unsettled()] == known
        assert endpoint(9) in after.applied()
        shutil.rmtree(copy)


bodies = st.lists(
    st.dictionaries(st.text(max_size=5), st.none() | st.integers(-(2**40), 2**40) | st.text(max_size=20), min_size=1),
    min_size=1,
    max_size=6,
)


def _linked(records: list[dict[str, object]]) -> bytes:
    lines, prev = [], chain.GENESIS
    for seq, record in enumerate(records, start=1):
        line, prev = chain.link(chain.encode(record), seq=seq, prev=prev, time="2026-11-02T08:00:00.000000Z")
        lines.append(line)
    return b"".join(lines)


@given(bodies)
def test_a_chain_reads_back_as_it_was_written(records: list[dict[str, object]]) -> None:
    data = _linked(records)
    found = chain.scan(data, prev=chain.GENESIS)
    assert (len(found.lines), found.size, found.torn) == (len(records), len(data), 0)


@given(bodies, st.data())
def test_no_rearrangement_of_lines_passes(records: list[dict[str, object]], data: st.DataObject) -> None:
    lines = _linked(records).splitlines(keepends=True)
    other = data.draw(st.lists(st.sampled_from(lines), max_size=len(lines) + 1))
    if other == lines[: len(other)]:
        return  # only a missing tail cannot be seen on the chain itself; the next run and the index tell
    with pytest.raises(chain.BrokenChain):
        chain.scan(b"".join(other), prev=chain.GENESIS)


@given(st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=300)), max_size=8))
def test_a_pack_gives_back_every_document(items: list[tuple[str, bytes]]) -> None:
    made = pack.build([({"name": name}, data) for name, data in items])
    data = b"".join(made.chunks)

    def fetch(offset: int, length: int | None) -> bytes:
        return data[offset:] if length is None else data[offset : offset + length]

    table = pack.contents(made.digest, fetch)
    assert [item["name"] for item in table.items] == [name for name, _ in items]
    assert [pack.document(item, table.start, fetch) for item in table.items] == [data for _, data in items]


def test_a_long_table_of_contents_is_read_whole() -> None:
    made = pack.build([({"name": f"{n:0500}"}, b"%d" % n) for n in range(300)])
    data = b"".join(made.chunks)
    reads: list[int] = []

    def fetch(offset: int, length: int | None) -> bytes:
        reads.append(offset)
        return data[offset:] if length is None else data[offset : offset + length]

    table = pack.contents(made.digest, fetch)
    assert pack.document(table.items[299], table.start, fetch) == b"299"
    assert len(reads) == 3


@settings(max_examples=50)
@given(st.dictionaries(st.text(min_size=1), st.integers().map(lambda n: b'{"n":%d}' % n)))
def test_an_index_reads_back_as_it_was_written(applied: dict[str, bytes]) -> None:
    made = index.encode(Knowledge(applied=applied))
    again = index.decode(made)
    assert again is not None
    assert again.applied == applied
    damage: list[Callable[[bytes], bytes]] = [lambda d: d[:-1], lambda d: d + b"x", lambda d: d[1:]]
    assert [index.decode(change(made)) for change in damage] == [None, None, None]
