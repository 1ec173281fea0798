"""The folder store where the disk, the rights or a human hand are against it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retrainctl.ledger import files
from retrainctl.ledger.errors import LeaseLost, LedgerCorrupt, LedgerUnavailable
from retrainctl.ledger.holder import this_process
from retrainctl.ledger.local import LocalLedgerStore
from retrainctl.ledger.records import BackupItem
from retrainctl.ports import Outcome
from tests.support.ledgers import BOB, applied, begin, endpoint, intent, open_ledger, take, whole_run, write

NOBODY = 65534


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".retrainctl" / "ledger" / "prod"


def test_only_the_owner_may_look_inside(folder: Path) -> None:
    ledger = open_ledger(LocalLedgerStore(folder))
    with take(ledger) as lease:
        run = begin(ledger, lease)
        run.backup([BackupItem(address=endpoint(1), identity="i", definition=b"d")])
        run.finish({})
    modes = {p.is_dir(): p.stat().st_mode & 0o777 for p in [folder, *folder.rglob("*")]}
    assert modes == {True: 0o700, False: 0o600}
    assert not [p for p in folder.rglob("*") if ":" in p.name or p.name.endswith(".tmp")]


def test_a_torn_last_line_is_tolerated_then_cut_off_and_noted(folder: Path) -> None:
    ledger = open_ledger(LocalLedgerStore(folder))
    with take(ledger) as lease:
        run = begin(ledger, lease)
        write(run, endpoint(1))
        run.intend([intent(endpoint(2))])
    stream = folder / "runs" / "00000001.jsonl"
    whole = stream.read_bytes()
    for torn in (b'{"seq":6,"prev":"', b"\0" * 4096, b'{"seq":6,"prev":"12\0\0\0'):
        stream.write_bytes(whole + torn)
        reader = open_ledger(LocalLedgerStore(folder))
        assert [u.intent.address for u in reader.unsettled()] == [endpoint(2)]
        assert reader.verify().torn == len(torn)
        assert stream.read_bytes() == whole + torn, "reading changes nothing"
    whole_run(open_ledger(LocalLedgerStore(folder)), [endpoint(3)], who=BOB)
    after = open_ledger(LocalLedgerStore(folder))
    assert stream.read_bytes() == whole
    assert after.verify().torn == 0
    assert [u.intent.address for u in after.unsettled()] == [endpoint(2)]


def test_the_repair_is_on_record(folder: Path) -> None:
    ledger = open_ledger(LocalLedgerStore(folder))
    with take(ledger) as lease:
        begin(ledger, lease)
    with (folder / "runs" / "00000001.jsonl").open("ab") as stream:
        stream.write(b"half a li")
    # A new process: the former run still has its file open here.
    repaired = open_ledger(LocalLedgerStore(folder))
    with take(repaired) as lease:
        begin(repaired, lease)
    (note,) = repaired.run(repaired.runs()[-1].info.run).notes
    assert (note.kind, "9 bytes" in note.message) == ("repaired", True)


def _fail(monkeypatch: pytest.MonkeyPatch, name: str, error: int, after: int = 0) -> None:
    """Lets a call of `os` fail from its next but `after` on."""
    real: Callable[..., object] = getattr(os, name)
    left = [after]

    def failing(*arguments: object, **more: object) -> object:
        if left[0]:
            left[0] -= 1
            return real(*arguments, **more)
        if name == "write":
            real(arguments[0], bytes(arguments[1])[:7])  # type: ignore[call-overload]
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, name, failing)


def test_a_full_disk_stops_the_write_before_it_is_sent_and_leaves_no_trace(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger(LocalLedgerStore(folder))
    with take(ledger) as lease:
        run = begin(ledger, lease)
        write(run, endpoint(1))
        with monkeypatch.context() as full:
            _fail(full, "write", errno.ENOSPC)
            for attempt in (
                lambda: run.intend([intent(endpoint(2))]),
                lambda: run.backup([BackupItem(address=endpoint(2), identity="i", definition=b"d")]),
            ):
                with pytest.raises(LedgerUnavailable, match="No space left") as caught:
                    attempt()
                assert caught.value.hint == "Free some space, then run again."
        # Somebody freed some space: the run goes on, and nothing is half written.
        run.result(endpoint(1), "patch", Outcome.DONE, applied=applied(endpoint(1)))
        write(run, endpoint(3))
        run.finish({})
    after = open_ledger(LocalLedgerStore(folder))
    after.verify()
    assert set(after.applied()) == {endpoint(1), endpoint(3)}
    assert not after.unsettled()
    assert not list(folder.rglob("*.tmp"))


def test_a_result_that_nobody_waits_for_is_on_the_disk_when_it_is_told_or_its_failure_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger(LocalLedgerStore(folder))
    told: list[BaseException | None] = []
    flushed: list[int] = []
    real = files.flush
    monkeypatch.setattr(files, "flush", lambda descriptor: flushed.append(descriptor) or real(descriptor))

    def hear(problem: BaseException | None) -> None:
        told.append(problem)
        if problem is None:  # another process sees it at this very moment
            assert flushed
            assert endpoint(1) in open_ledger(LocalLedgerStore(folder)).applied()

    with take(ledger) as lease:
        run = begin(ledger, lease)
        run.intend([intent(endpoint(1)), intent(endpoint(2))])
        flushed.clear()
        run.result(endpoint(1), "patch", Outcome.DONE, applied=applied(endpoint(1)), then=hear)
        with monkeypatch.context() as full:
            _fail(full, "write", errno.ENOSPC)
            run.result(endpoint(2), "patch", Outcome.DONE, applied=applied(endpoint(2)), then=hear)
        assert told[0] is None
        assert isinstance(told[1], LedgerUnavailable)
        run.finish({})
    (left,) = open_ledger(LocalLedgerStore(folder)).unsettled()
    assert left.intent.address == endpoint(2)


def test_what_was_sent_without_an_address_stands_before_its_result(folder: Path) -> None:
    ledger = open_ledger(LocalLedgerStore(folder))
    with take(ledger) as lease:
        run = begin(ledger, lease)
        run.intend([intent(endpoint(1))])
        run.sent(endpoint(1), "patch", None, "request-1")
        (open_one,) = open_ledger(LocalLedgerStore(folder)).unsettled()
        assert (open_one.sent, open_one.request_id) == (True, "request-1")
        run.result(endpoint(1), "patch", Outcome.DONE, applied=applied(endpoint(1)))
        run.finish({})
    lines = (folder / "runs/00000001.jsonl").read_bytes().splitlines()
    kinds = [line.split(b'"type":"')[1].split(b'"')[0] for line in lines]
    assert kinds == [b"run", b"intent", b"sent", b"result", b"finish"]


def test_after_a_failed_flush_the_disk_is_not_trusted_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = open_ledger(LocalLedgerStore(folder))
    with take(ledger) as lease:
        run = begin(ledger, lease)
        with monkeypatch.context() as broken:
            _fail(broken, "fdatasync", errno.EIO)
            with pytest.raises(LedgerUnavailable, match="Input/output error"):
                run.intend([intent(endpoint(1))])
        for _ in range(2):
            with pytest.raises(LedgerUnavailable, match="not to be trusted"):
                run.intend([intent(endpoint(2))])
    whole_run(open_ledger(LocalLedgerStore(folder)), [endpoint(3)])
    open_ledger(LocalLedgerStore(folder)).verify()


def test_who_falls_asleep_in_the_middle_of_a_write_wakes_up_outside(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its look at the lease and its write, somebody else took over, did a whole run, and went home."""
    ledger = open_ledger(LocalLedgerStore(folder))
    real = files.write_all
    with take(ledger) as lease:
        run = begin(ledger, lease)

        def sleepy(descriptor: int, data: bytes) -> None:
            monkeypatch.setattr(files, "write_all", real)
            thief = open_ledger(LocalLedgerStore(folder))
            thief.steal(this_process(BOB))
            whole_run(thief, [endpoint(2)], who=BOB)
            real(descriptor, data)

        monkeypatch.setattr(files, "write_all", sleepy)
        with pytest.raises(LeaseLost):
            run.intend([intent(endpoint(1))])
    after = open_ledger(LocalLedgerStore(folder))
    after.verify()
    assert not after.unsettled()
    assert set(after.applied()) == {endpoint(2)}


def test_a_full_disk_at_the_very_end_costs_only_the_index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = open_ledger(LocalLedgerStore(folder))
    real = files.replace

    def full(path: Path, chunks: list[bytes]) -> None:
        if path.name == "applied.index":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, chunks)

    with take(ledger) as lease:
        run = begin(ledger, lease)
        write(run, endpoint(1))
        with monkeypatch.context() as patched:
            patched.setattr(files, "replace", full)
            run.finish({})
    assert not (folder / "applied.index").exists()
    assert set(open_ledger(LocalLedgerStore(folder)).applied()) == {endpoint(1)}


def test_a_full_disk_while_the_lease_is_taken_leaves_it_free(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = open_ledger(LocalLedgerStore(folder))
    whole_run(ledger, [])
    with monkeypatch.context() as full:
        _fail(full, "write", errno.ENOSPC)
        with pytest.raises(LedgerUnavailable):
            take(ledger)
    assert not ledger.lease().held
    whole_run(ledger, [])


@pytest.mark.parametrize("part", ["ledger", "runs", "lease"])
def test_a_file_in_the_way_is_named(tmp_path: Path, part: str) -> None:
    folder = tmp_path / "ledger"
    if part == "ledger":
        folder.write_text("not a folder")
    else:
        folder.mkdir()
        (folder / part).write_text("not a folder")
    with pytest.raises(LedgerUnavailable) as caught:
        take(open_ledger(LocalLedgerStore(folder)))
    assert str(folder) in caught.value.message
    assert caught.value.hint


SCRIPT = """
    import os, resource, signal, sys
    from pathlib import Path
    from retrainctl.errors import RetrainctlError
    from retrainctl.ledger.local import LocalLedgerStore
    from tests.support.ledgers import open_ledger, whole_run, endpoint, take, begin, write
    folder = Path(sys.argv[1])
    ledger = open_ledger(LocalLedgerStore(folder))
    if len(sys.argv) > 2:
        os.setgid(int(sys.argv[2]))
        os.setuid(int(sys.argv[2]))
    try:
        {body}
    except RetrainctlError as error:
        print(type(error).__name__, error.message, "|", error.hint)
    else:
        print("nothing happened")
"""


def as_another(repo: Path, folder: Path, body: str, user: int | None = None) -> str:
    script = textwrap.dedent(SCRIPT).format(body=body)
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), *([] if user is None else [str(user)])],
        cwd=repo,
        env={**os.environ, "PYTHONPATH": str(repo), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that another user can reach, whose rights are what counts: root may do everything."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become a user without rights")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        yield place


def test_a_folder_without_the_right_to_write_is_refused_before_anything(repo: Path, open_place: Path) -> None:
    said = as_another(repo, open_place / "ledger", "take(ledger)", NOBODY)
    assert said.startswith("LedgerUnavailable")
    assert "Permission denied" in said
    assert "Give yourself access" in said
    assert not list(open_place.iterdir())


@pytest.mark.parametrize("ask", ["ledger.applied()", "ledger.lease()", "take(ledger)"])
def test_a_ledger_without_the_right_to_read_is_not_taken_for_an_empty_one(
    repo: Path, open_place: Path, ask: str
) -> None:
    whole_run(open_ledger(LocalLedgerStore(open_place / "ledger")), [endpoint(1)])
    said = as_another(repo, open_place / "ledger", ask, NOBODY)
    assert said.startswith("LedgerUnavailable")
    assert "Permission denied" in said


def test_a_real_limit_of_the_system_is_met_like_a_full_disk(repo: Path, folder: Path) -> None:
    """RLIMIT_FSIZE makes the kernel itself cut writes short, as a full disk does."""
    body = (
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); "
        "lease = take(ledger); run = begin(ledger, lease); [write(run, endpoint(n)) for n in range(1000)]"
    )
    said = as_another(repo, folder, body)
    assert said.startswith("LedgerUnavailable")
    assert "File too large" in said
    after = open_ledger(LocalLedgerStore(folder))
    verified = after.verify()
    assert verified.torn == 0
    assert 10 < len(after.applied()) < 1000
    assert len(after.unsettled()) in (0, 1)


def test_a_hole_in_the_numbers_is_not_taken_for_the_end(folder: Path) -> None:
    ledger = open_ledger(LocalLedgerStore(folder))
    for number in range(3):
        whole_run(ledger, [endpoint(number)])
    (folder / "runs" / "00000002.jsonl").unlink()
    (folder / "applied.index").unlink()
    with pytest.raises(LedgerCorrupt) as caught:
        open_ledger(LocalLedgerStore(folder)).applied()
    assert caught.value.file.endswith("00000002.jsonl")


def test_going_back_to_an_older_ledger_on_purpose_is_possible_by_deleting_the_index(folder: Path) -> None:
    ledger = open_ledger(LocalLedgerStore(folder))
    whole_run(ledger, [endpoint(1)])
    whole_run(ledger, [endpoint(2)])
    (folder / "runs" / "00000002.jsonl").unlink()
    with pytest.raises(LedgerCorrupt) as caught:
        open_ledger(LocalLedgerStore(folder)).applied()
    assert "delete the index" in (caught.value.hint or "")
    (folder / "applied.index").unlink()
    assert set(open_ledger(LocalLedgerStore(folder)).applied()) == {endpoint(1)}
