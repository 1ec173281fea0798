"""Files as they are before an upload: their size, their format, and those whose size nobody knows."""

from __future__ import annotations

import io
import os
import threading
import zipfile
from pathlib import Path

import pytest

from retrainctl.errors import RetrainctlError, UsageError
from retrainctl.operations.custom_modules import module_names
from retrainctl.operations.studio_assets import file_name, parcel_of


def no_stdin() -> io.BytesIO:
    raise AssertionError("nobody asked for standard input")


def test_a_file_is_read_in_place(tmp_path: Path) -> None:
    file = tmp_path / "rows.nh.csv"
    file.write_bytes(b"1,2\n")
    with parcel_of(file, None, no_stdin) as parcel:
        assert (parcel.kind, parcel.size, parcel.blocks) == ("GenericCSVNoHeader", 4, 1)
        assert list(parcel.pieces()) == [b"1,2\n"]
    assert parcel.stream.closed


def test_a_stream_of_unknown_size_is_kept_on_disk_first() -> None:
    given = io.BytesIO(b"1\t2\n")
    with parcel_of(Path("-"), "GenericTSV", lambda: given) as parcel:
        assert parcel.size == 4 and parcel.stream is not given
        assert list(parcel.pieces()) == [b"1\t2\n"]
    assert not given.closed, "standard input belongs to the process"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_kept_on_disk_first(tmp_path: Path) -> None:
    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"a,b\n",))
    writer.start()
    with parcel_of(pipe, None, no_stdin) as parcel:
        assert list(parcel.pieces()) == [b"a,b\n"]
    writer.join()


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [("empty.csv", None, "RC957"), ("gone.csv", None, "RC005"), ("folder", "Zip", "RC005"), ("-", "Zip", "RC957")],
)
def test_what_cannot_be_uploaded_is_said_at_once(tmp_path: Path, name: str, kind: str | None, code: str) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    file = Path("-") if name == "-" else tmp_path / name
    with pytest.raises(RetrainctlError) as caught, parcel_of(file, kind, io.BytesIO):
        raise AssertionError("it was taken")
    assert caught.value.code == code


def test_an_error_of_the_upload_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x")
    with pytest.raises(ConnectionError), parcel_of(tmp_path / "a.csv", None, no_stdin):
        raise ConnectionError


def test_standard_input_needs_a_format() -> None:
    with pytest.raises(UsageError, match="no ending"), parcel_of(Path("-"), None, io.BytesIO):
        pass


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("Bike Rentals", "GenericCSV", "bike-rentals.csv"),
        ("rows.csv", "GenericCSV", "rows.csv"),
        ("../../etc/passwd", "PlainText", "etc-passwd.txt"),
        ("x", "genericcsvnoheader", "x.nh.csv"),
        ("x", "Dataset", "x"),
        ("東京", "Zip", "unnamed.zip"),
    ],
)
def test_a_download_gets_a_safe_name(name: str, kind: str, expected: str) -> None:
    assert file_name({"Name": name, "DataTypeId": kind}) == expected


def test_the_names_of_all_modules_of_a_zip_are_read_and_the_stream_is_at_its_start_again() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        made.writestr("b.xml", '<Module name="Zwei"/>')
        made.writestr("a.XML", '<?xml version="1.0"?><!-- first --><Module name=" Eins &amp; mehr "/>')
        made.writestr("inner/c.xml", "not looked at")
        made.writestr("add.R", "x")
    assert module_names(content, "m.zip") == ["Eins & mehr", "Zwei"]
    assert content.tell() == 0
