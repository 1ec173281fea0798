"""Damaged model files: nothing escapes but the reader's own error, within bounded memory and time.

5,000 mutations by default, 200,000 with RETRAINCTL_FULL=1; the real files take part when they are there.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import struct
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from retrainctl.ilearner.compare import compare
from retrainctl.ilearner.conversion import generated_rows
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.reader import read_model
from retrainctl.ilearner.scoring import score_rows
from retrainctl.ilearner.summary import inspect
from tests.conftest import REFERENCE
from tests.support.ilearner_writer import ModelFile, archive

FULL = os.environ.get("RETRAINCTL_FULL") == "1"
CHUNKS = 20
PER_CHUNK = (200_000 if FULL else 5_000) // CHUNKS
SAMPLE = 50
"""Every so many inputs the memory is measured."""
MEMORY = 96 << 20
"""What the limits allow at most for a small file: two million elements, and one entry unpacked."""
SECONDS = 1.0

TRICKY = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE)
TAGS = (1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """One to five small wounds: bits, bytes, tricky integers, record types, cuts, insertions, moved pieces."""
    wounded = bytearray(data)
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(wounded)) if wounded else 0
        match rng.randrange(8):
            case 0 if wounded:
                wounded[at] ^= 1 << rng.randrange(8)
            case 1 if wounded:
                wounded[at] = rng.choice(TRICKY[:6])
            case 2:
                wounded[at : at + 4] = struct.pack("<I", rng.choice(TRICKY))
            case 3 if wounded:
                wounded[at] = rng.choice(TAGS)
            case 4:
                del wounded[at : at + rng.choice((1, 2, 4, 64))]
            case 5:
                wounded[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16)))
            case 6:
                piece = wounded[at : at + rng.choice((4, 16, 200))]
                wounded[(to := rng.randrange(len(wounded) + 1)) : to + len(piece)] = piece
            case _ if rng.random() < 0.2:
                del wounded[at:]
    return bytes(wounded)


class Parts:
    """A model file taken apart, so that wounds reach behind check sums and compression."""

    def __init__(self, data: bytes) -> None:
        start = data.index(b"PK\3\4")
        end = data.rindex(b"PK\5\6") + 22
        with zipfile.ZipFile(io.BytesIO(data[start:end])) as source:
            self.entries = {entry.filename.replace("/", "\\"): source.read(entry) for entry in source.infolist()}
        self.attributes = zlib.decompressobj(31).decompress(data[data.index(b"\x1f\x8b\x08", end) :])

    def wounded(self, rng: random.Random) -> bytes:
        entries, attributes = dict(self.entries), self.attributes
        if rng.random() < 0.5:
            name = rng.choice(list(entries))
            entries[name] = mutated(entries[name], rng)
        else:
            attributes = mutated(attributes, rng)
        return ModelFile(predictor=archive(entries), attribute_bytes=gzip.compress(attributes, 1), table=False).bytes()


def sources() -> list[bytes]:
    files = [ModelFile().bytes(), ModelFile(label_values=(1, 2), morphs=[2], scales=[0.0], stored=True).bytes()]
    exports = REFERENCE / "arm" / "exports"
    files += [path.read_bytes() for path in sorted(exports.glob("*.ilearner"))]
    return files


def use(data: bytes) -> bool:
    """Read a file and do all that one does with a model; whether it was accepted."""
    try:
        model = read_model(data)
        json.dumps(inspect(model).to_json(), allow_nan=False)
        json.dumps(compare(model, model).to_json(), allow_nan=False)
        score_rows(model, generated_rows(model, 2))
    except IlearnerError as error:
        assert error.code.startswith("RC7") and error.message
        return False
    return True


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_mutation_gets_past_the_reader(chunk: int, tmp_path: Path) -> None:
    files = sources()
    parts = [Parts(data) for data in files]
    rng = random.Random(chunk)
    accepted = 0
    for number in range(PER_CHUNK):
        which = rng.randrange(len(files))
        data = parts[which].wounded(rng) if rng.random() < 0.3 else mutated(files[which], rng)
        measured = number % SAMPLE == 0
        if measured:
            tracemalloc.start()
        began = time.process_time()
        try:
            accepted += use(data)
        except BaseException:
            (tmp_path / f"{chunk}-{number}.ilearner").write_bytes(data)
            raise
        finally:
            if measured:
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
        spent = time.process_time() - began
        assert measured or spent < SECONDS, f"chunk {chunk}, input {number}: {spent:.2f} s of processor time"
        if measured:
            assert peak < MEMORY, f"chunk {chunk}, input {number}: {peak} bytes"
    # Some wounds are harmless; if none were, the reader would refuse everything and this test would prove nothing.
    assert 0 < accepted < PER_CHUNK


def test_undamaged_files_are_accepted() -> None:
    assert all(use(data) for data in sources())


@pytest.mark.parametrize("which", [0, 1])
def test_every_truncation_is_refused(which: int) -> None:
    data = sources()[which]
    assert not any(use(data[:size]) for size in range(len(data)))


def test_every_single_byte_overwritten() -> None:
    """Each byte of a small file set to 0, to 255 and to its complement."""
    data = ModelFile().bytes()
    for at in range(len(data)):
        for value in (0, 255, data[at] ^ 0xFF):
            use(data[:at] + bytes((value,)) + data[at + 1 :])
