"""The kind of a file is told by its first bytes, and everything but two kinds is refused with a reason."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.files import load_bytes
from retrainctl.ilearner.inspection import inspect_bytes, inspect_file
from retrainctl.ilearner.limits import DEFAULT_LIMITS
from retrainctl.ilearner.reader import read_model, read_model_file
from retrainctl.ilearner.scorer import load_scorer
from retrainctl.ilearner.sniff import FileKind, sniff
from tests.support.ilearner_writer import ModelFile


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (ModelFile().bytes()[:64], FileKind.STUDIO),
        (bytes.fromhex("00 07000000 ffffffff 01000000 00000000"), FileKind.STUDIO),
        (pickle.dumps({"a": 1}, protocol=2), FileKind.PICKLE),
        (pickle.dumps({"a": 1}, protocol=5), FileKind.PICKLE),
        (pickle.dumps({"a": 1}, protocol=0), FileKind.PICKLE),
        (b"ccopyreg\n_reconstructor\np0\n", FileKind.PICKLE),
        (b"{}", FileKind.PLACEHOLDER),
        (b"PK\x03\x04rest", FileKind.ZIP),
        (bytes.fromhex("0807120a72657472"), FileKind.ONNX),
        (b"", FileKind.OTHER),
        (b"city,price\n", FileKind.OTHER),
        (bytes.fromhex("00 01000000 ffffffff 02000000 00000000"), FileKind.OTHER),
        (b"<html>", FileKind.OTHER),
    ],
)
def test_first_bytes_tell_the_kind(head: bytes, kind: FileKind) -> None:
    assert sniff(head) is kind


class Bomb:
    """Unpickling this would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_refused_and_never_loaded(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "ran"
    blob = tmp_path / "data.ilearner"
    blob.write_bytes(pickle.dumps(Bomb(mark), protocol=protocol))
    for attempt in (read_model_file, inspect_file):
        with pytest.raises(IlearnerError) as caught:
            attempt(blob)
        assert caught.value.code == "RC702"
    assert not mark.exists()


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"{}", "RC703", "placeholder"),
        (b"PK\x03\x04", "RC704", "ZIP"),
        (b"hello", "RC701", "FF FF FF FF"),
        (b"", "RC701", "stream header"),
    ],
)
def test_refusals_say_what_was_found_or_expected(data: bytes, code: str, words: str) -> None:
    for attempt in (read_model, inspect_bytes, load_scorer):
        with pytest.raises(IlearnerError, match=words) as caught:
            attempt(data)
        assert (caught.value.code, caught.value.offset) == (code, 0)


def test_a_missing_file_is_an_error_with_its_path(tmp_path: Path) -> None:
    for attempt in (read_model_file, inspect_file):
        with pytest.raises(IlearnerError, match=r"nowhere\.ilearner cannot be read: No such file") as caught:
            attempt(tmp_path / "nowhere.ilearner")
        assert caught.value.code == "RC709"
    with pytest.raises(IlearnerError, match="cannot be read: Is a directory"):
        load_bytes(tmp_path, DEFAULT_LIMITS)
