"""`dataset` against the emulator: up in blocks, down as it was, promoted, removed; without the cmdlets' bugs."""

from __future__ import annotations

import gc
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrainctl.cli import boundary
from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside
from tests.support.whole import peak

SCORING = "Bike Rental Scoring"
TRAINING = "Bike Rental Training"
SAMPLE = "Bike Rental sample"
ODD = 'Räder "2016" \\ 東京 {0}'
BLOCK = 2 * 1024 * 1024
HUGE = 5 * 2**29  # more than 2 GiB, where counts of 32 bits end


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Iterator[Inside]:
    folder = tmp_path_factory.mktemp("datasets") / "project"
    shutil.copytree(repo / "manifests/bike-rental", folder, ignore=shutil.ignore_patterns(".retrainctl"))
    made = Inside(folder, environment())
    made("emulator", "up", "--seed", "seed")
    (folder / "rows.csv").write_text("day,count\n1,10\n2,20\n")
    yield made
    emulator.stop(folder / ".retrainctl" / "emulator")


def listed(run: Inside, *more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("dataset", "list", *more, "--output", "json").out)
    return found


def named(run: Inside, name: str) -> list[dict[str, Any]]:
    return [one for one in listed(run) if one["Name"] == name]


def test_the_life_of_a_dataset(run: Inside) -> None:
    shown = run("dataset", "upload", "rows.csv", "--name", "life", "--what-if")
    assert shown.out.count("POST ") == 3 and shown.err == "Nothing was sent.\n"
    assert "RC501" in run("dataset", "upload", "rows.csv", "--name", "life", code=1).err
    assert named(run, "life") == []
    made = json.loads(
        run("dataset", "upload", "rows.csv", "--name", "life", "--description", "two days", "--yes", "-o", "json").out
    )
    assert (made["DataTypeId"], made["SchemaStatus"], made["Description"]) == ("GenericCSV", "Complete", "two days")
    assert made["UploadedFromFilename"] == "rows.csv"
    run("dataset", "download", "LIFE", "--out", "back.csv")
    assert (run.folder / "back.csv").read_bytes() == (run.folder / "rows.csv").read_bytes()
    taken = run("dataset", "upload", "rows.csv", "--name", " Life", "--yes", code=1)
    assert "RC955" in taken.err and "--overwrite" in taken.err
    again = json.loads(run("dataset", "upload", "rows.csv", "--name", "life", "--overwrite", "--yes", "-o", "json").out)
    assert again["FamilyId"] == made["FamilyId"] and again["Id"] != made["Id"]
    assert [one["Id"] for one in named(run, "life")] == [again["Id"]], "a new version, not a second dataset"
    run("dataset", "download", made["Id"], "--out", "old.csv")
    assert "DELETE " in run("dataset", "remove", "life", "--what-if").out
    assert "RC501" in run("dataset", "remove", "life", code=1).err
    assert made["FamilyId"] in run("dataset", "remove", made["FamilyId"].upper(), "--yes").out
    assert named(run, "life") == []
    assert "RC956" in run("dataset", "remove", "life", "--yes", code=1).err
    assert "RC956" in run("dataset", "download", made["Id"], code=1).err
    told = run("history").out
    assert "dataset upload" in told and "dataset remove" in told
    assert "dataset upload" in run("rollback", "last", "--yes", code=1).err.replace("\n  ", " "), "what brings it back"


def test_a_file_of_several_blocks_comes_back_byte_for_byte(run: Inside) -> None:
    data = random.Random(7).randbytes(2 * BLOCK + 1)
    (run.folder / "big.zip").write_bytes(data)
    made = json.loads(run("dataset", "upload", "big.zip", "--yes", "--output", "json").out)
    assert (made["Name"], made["Size"], made["SchemaStatus"]) == ("big.zip", len(data), "NotSupported")
    run("dataset", "download", "big.zip", "--out", "big-back.zip")
    assert (run.folder / "big-back.zip").read_bytes() == data


@pytest.mark.skipif(not os.environ.get("RETRAINCTL_FULL"), reason="moves 5 GiB: RETRAINCTL_FULL=1 runs it")
def test_gigabytes_take_little_memory(run: Inside, capsys: pytest.CaptureFixture[str]) -> None:
    huge, back = run.folder / "huge.zip", run.folder / "huge-back.zip"
    with huge.open("wb") as file:
        file.truncate(HUGE)
    up = peak(["dataset", "upload", "huge.zip", "--yes"], run.folder)
    down = peak(["dataset", "download", "huge.zip", "--out", "huge-back.zip"], run.folder)
    assert back.stat().st_size == HUGE
    run("dataset", "remove", "huge.zip", "--yes")
    huge.unlink()
    back.unlink()
    with capsys.disabled():
        print(f"\n{HUGE:,} bytes: {up} MiB of memory to upload, {down} MiB to download")
    assert max(up, down) < 200


def test_names_with_quotes_backslashes_and_other_letters_survive(run: Inside) -> None:
    run("dataset", "upload", "rows.csv", "--name", ODD, "--description", ODD, "--yes")
    (one,) = named(run, ODD)
    assert one["Description"] == ODD
    run("dataset", "download", ODD)
    assert (run.folder / "r-der-2016-0.csv").exists(), "without --out it is called after its name, safely"
    run("dataset", "remove", ODD, "--yes")
    assert named(run, ODD) == []


def test_standard_input_and_output(run: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.folder)
    rows = b"a\tb\n1\t\xc3\xa4\n"

    def piped(*arguments: str, given: bytes = b"") -> tuple[int, bytes, str]:
        out, err = io.BytesIO(), io.StringIO()
        text = io.TextIOWrapper(out, write_through=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # as in Inside
            code = boundary.run(
                arguments,
                stdin=io.TextIOWrapper(io.BytesIO(given)),
                stdout=text,
                stderr=err,
                environ=run.environ,
            )
            gc.collect()
        return code, out.getvalue(), err.getvalue()

    code, _, err = piped("dataset", "upload", "-", "--name", "piped", "--format", "GenericTSV", "--yes", given=rows)
    assert code == 0, err
    code, out, err = piped("dataset", "download", "piped", "--out", "-")
    assert (code, out) == (0, rows) and "stdout" in err
    assert "RC957" in piped("dataset", "upload", "-", "--name", "x", "--format", "Zip", "--yes")[2]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("upload", "empty.csv"), 1, "RC957"),
        (("upload", "nothing.csv"), 1, "RC005"),
        (("upload", "manifests"), 64, "--format"),
        (("upload", "manifests", "--format", "Zip"), 1, "RC005"),
        (("upload", "rows.parquet"), 64, "GenericCSV"),
        (("upload", "-", "--format", "Zip"), 64, "--name"),
        (("upload", "rows.csv", "--name", " "), 64, "--name"),
        (("download", "nothing"), 1, "RC956"),
        (("download", SAMPLE, "--out", "rows.csv"), 1, "RC004"),
        (("download", SAMPLE, "--out", "none/rows.csv"), 1, "RC007"),
        (("list", "--experiment", "nothing"), 1, "RC940"),
        (("promote", TRAINING, "--node", "evaluate", "--name", SAMPLE.upper(), "--yes"), 1, "RC955"),
        (("promote", TRAINING, "--node", "split", "--name", "x", "--yes"), 1, "RC946"),
        (("promote", TRAINING, "--node", "splot", "--name", "x", "--yes"), 1, "RC945"),
    ],
)
def test_mistakes_are_named_and_nothing_is_sent(run: Inside, arguments: tuple[str, ...], code: int, told: str) -> None:
    (run.folder / "empty.csv").write_bytes(b"")
    before = [one["Id"] for one in listed(run)]
    assert told in run("dataset", *arguments, code=code).err
    assert [one["Id"] for one in listed(run)] == before
    assert (run.folder / "rows.csv").read_text().startswith("day,count")


def test_a_schema_that_fails_is_an_error_that_names_the_dataset(run: Inside) -> None:
    (run.folder / "uneven.csv").write_text("a,b\n1\n")
    failed = run("dataset", "upload", "uneven.csv", "--yes", code=1)
    (one,) = named(run, "uneven.csv")
    assert "RC958" in failed.err and one["Id"] in failed.err.replace("\n  ", "")
    (run.folder / "uneven.csv").write_text("a,b\n1,2\n")
    run("dataset", "upload", "uneven.csv", "--overwrite", "--yes")


def test_a_table_fits_and_no_signature_is_shown(run: Inside) -> None:
    table = run("dataset", "list", COLUMNS="80").out
    assert SAMPLE in table and max(map(len, table.splitlines())) <= 80
    assert "sig=" not in run("dataset", "list", "--output", "json").out
    told = run("-vv", "dataset", "download", SAMPLE, "--out", "seen.csv").err
    assert set(re.findall(r"sig=[^&\s]*", told)) == {"sig=(sensitive)"}


def test_an_experiments_datasets(run: Inside) -> None:
    (one,) = listed(run, "--experiment", SCORING)
    assert (one["Name"], one["IsLatest"]) == (SAMPLE, True)
    assert listed(run, "--experiment", TRAINING) == []


def test_an_output_becomes_a_dataset(run: Inside) -> None:
    asked = ("dataset", "promote", TRAINING, "--node", "SPLIT", "--port", "results DATASET1", "--name", "kept")
    assert '"OutputName": "Results dataset1"' in run(*asked, "--what-if").out
    run(*asked, "--yes")
    run("dataset", "download", "kept", "--out", "kept.csv")
    assert len((run.folder / "kept.csv").read_text().splitlines()) > 100
    assert "RC955" in run(*asked, "--yes", code=1).err
    (before,) = named(run, "kept")
    run(*asked, "--overwrite", "--description", "again", "--yes")
    (after,) = named(run, "kept")
    assert after["FamilyId"] == before["FamilyId"] and after["Description"] == "again"


def test_what_nobody_knows_of_the_service_may_be_otherwise(run: Inside) -> None:
    other = ("id-form=bare", "write-status=201", "lists=all", "schema-wait=NotStarted", "storage-host=azure")
    run("emulator", "faults", *(f"studio-{one}" for one in other), "studio-name-case=exact")
    try:
        for text in ("a,b\n1,2\n", "a,b\n3,4\n"):
            (run.folder / "otherwise.csv").write_text(text)
            run("dataset", "upload", "otherwise.csv", "--overwrite", "--yes")
        assert len(named(run, "otherwise.csv")) == 2, "this one lists older versions too"
        run("dataset", "download", "Otherwise.csv", "--out", "newest.csv")
        assert (run.folder / "newest.csv").read_text() == text
        run("dataset", "remove", "otherwise.csv", "--yes")
        assert named(run, "otherwise.csv") == []
    finally:
        run("emulator", "faults", "--clear")


def test_a_protected_dataset_is_not_removed(run: Inside) -> None:
    project = run.folder / "retrainctl.yaml"
    former = project.read_text()
    try:
        project.write_text(former.replace("local: {emulator: {}}", "local: {emulator: {}, protect: [Dataset/*]}"))
        assert "Dataset/" in run("dataset", "remove", SAMPLE, "--yes", code=3).err
    finally:
        project.write_text(former)
    assert named(run, SAMPLE)


def test_ctrl_c_while_the_schema_is_made_says_that_the_dataset_is_there(run: Inside) -> None:
    run("emulator", "faults", "studio-schema-seconds=600")
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "retrainctl", "dataset", "upload", "rows.csv", "--name", "left", "--yes"],
            cwd=run.folder,
            env=run.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not named(run, "left"):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)  # two signals at one moment may arrive as one
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        run("emulator", "faults", "--clear")
    assert process.returncode == 130, err
    (one,) = named(run, "left")
    assert one["Id"] in err and "Do not upload it again" in err
    assert not json.loads(run("lease", "show", "--output", "json").out)["held"]
