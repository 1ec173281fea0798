"""`retrain` from end to end over a service and a store in memory: ends, gates, recording, resume."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retrainctl.errors import InvalidInput, RetrainctlError
from retrainctl.manifest.load import Loaded, load
from retrainctl.model.retraining import LIVE
from retrainctl.operations import recording
from retrainctl.operations.retrain_report import RetrainReport
from retrainctl.operations.retraining import RetrainOptions, Unfinished, Workshop, abandon, resume, retrain
from retrainctl.ports import Rejected, Unavailable
from retrainctl.retrain.book import State, Terms
from retrainctl.retrain.gates import Reference
from retrainctl.retrain.journal import is_finished, journals
from tests.support.memory import FakeClock, Silent
from tests.support.project_files import write
from tests.support.training import FakeService, MemoryBlobs, address

BASE = "https://acct.blob.core.windows.net/models"
MODELS = (
    'apiVersion: retrainctl/v1\nkind: Model\nmetadata: {name: "m-{{ item.id }}"}\n'
    "forEach: {csv: ../rows.csv}\nspec: {versions: {csv: ../versions.csv}}\n---\n"
    'apiVersion: retrainctl/v1\nkind: WebService\nmetadata: {name: "s-{{ item.id }}"}\n'
    "forEach: {csv: ../rows.csv}\n"
    'spec: {models: {"M [trained model]": "m-{{ item.id }}@{{ item.version }}"}}\n---\n'
    'apiVersion: retrainctl/v1\nkind: Retraining\nmetadata: {name: "m-{{ item.id }}"}\n'
    "forEach: {csv: ../rows.csv}\nspec:\n  trainingService: {arm: training}\n"
    '  globalParameters: {who: "{{ item.id }}"}\n'
    "  outputs: {model: output1, evaluation: output2}\n"
    '  store: {account: acct, container: models, path: "{{ item.id }}-{{ version }}.ilearner"}\n'
    '  produces: "m-{{ item.id }}"\n  gate: [{metric: AUC, min: 0.8}, {metric: AUC, notWorseThan: live}]\n'
)


class Bench:
    """A project of `count` models with everything around it."""

    def __init__(self, root: Path, count: int = 4, **service: Any) -> None:
        self.root = root
        self.clock = FakeClock()
        self.store = MemoryBlobs()
        self.service = FakeService(store=self.store, **service)
        self.observer = Silent()
        self.live: dict[str, float] = {}
        ids = [f"{n:03}" for n in range(1, count + 1)]
        head = "model,version,uri,sha256,etag,trainedAt,run,metrics.AUC,metrics.Accuracy,parameters.who\n"
        write(
            root,
            {
                "rows.csv": "id,version\n" + "".join(f"{i},1\n" for i in ids),
                "versions.csv": head + "".join(f"m-{i},1,{BASE}/{i}-1.ilearner,,,,,0.85,,\n" for i in ids),
                "manifests/all.yaml": MODELS,
            },
        )

    def load(self) -> Loaded:
        return load(self.root / "retrainctl.yaml", "local", {}, {})

    def shop(self) -> Workshop:
        loaded = self.load()
        assert loaded.diagnostics == ()

        def live(models: frozenset[str]) -> dict[str, Any]:
            return {m: {LIVE: (Reference(label=f"{m}@1", metrics={"AUC": self.live.get(m, 0.85)}),)} for m in models}

        return Workshop(
            loaded=loaded,
            reload=self.load,
            directory=self.service,  # type: ignore[arg-type]
            store=self.store,  # type: ignore[arg-type]
            secrets=None,  # type: ignore[arg-type]
            address=address,
            live=live,
            clock=self.clock,
            observer=self.observer,
            folder=self.root / ".retrainctl/retrain/local",
            version="1",
        )

    def retrain(self, *names: str, **more: Any) -> RetrainReport:
        return retrain(RetrainOptions(names=names, **more), self.shop())

    def resume(self) -> RetrainReport:
        report = resume(RetrainOptions(), self.shop())
        assert report is not None
        return report

    def versions(self) -> dict[str, list[int]]:
        return {name: [v.version for v in line.versions] for name, line in self.load().models.items()}

    def pins(self) -> list[int]:
        return [v.version for d in self.load().desired for v in d.slots.values()]

    def finished(self) -> bool:
        return all(is_finished(path) for path in journals(self.root / ".retrainctl/retrain/local"))


def states(report: RetrainReport) -> dict[str, str]:
    return {key.rpartition("/")[2]: row.state.value for key, row in report.book.rows.items()}


def test_good_models_are_recorded_and_their_slots_move(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    report = bench.retrain()
    assert set(states(report).values()) == {"accepted"}
    assert bench.versions() == {f"m-00{n}": [1, 2] for n in range(1, 5)}
    assert bench.pins() == [2] * 4
    version = bench.load().models["m-001"].versions[-1]
    assert version.uri == f"{BASE}/001-2.ilearner"
    assert version.run in bench.service.jobs
    assert (version.metrics, version.parameters) == ({"AUC": 0.9, "Accuracy": 0.8}, {"who": "001"})
    assert version.sha256 is not None
    assert report.recorded.files == ("versions.csv", "rows.csv")
    assert bench.finished()


def test_a_part_can_be_chosen(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    report = bench.retrain("m-001", "Retraining/m-003")
    assert sorted(states(report)) == ["m-001", "m-003"]
    assert bench.pins() == [2, 1, 2, 1]
    with pytest.raises(RetrainctlError, match="m-00x") as caught:
        bench.retrain("m-00x")
    assert caught.value.code == "RC608"


def test_failed_cancelled_stuck_and_vanished_jobs_are_told_apart(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 6, fate={"001": "fail", "002": "cancel", "003": "stick", "004": "vanish"})
    report = bench.retrain(time_limit=60)
    assert states(report) == {
        "m-001": "failed",
        "m-002": "cancelled",
        "m-003": "stuck",
        "m-004": "vanished",
        "m-005": "accepted",
        "m-006": "accepted",
    }
    assert report.failed
    assert "Import Data: bad data" in report.book.rows["Retraining/m-001"].job.why
    assert bench.service.jobs[report.book.rows["Retraining/m-003"].job.id or ""].state == "Cancelled"
    assert bench.pins() == [1, 1, 1, 1, 2, 2]
    assert bench.finished()


def test_a_failed_gate_keeps_the_model_and_touches_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation=lambda who: b"AUC\n0.7\n" if who == "002" else b"AUC\n0.9\n")
    before = (tmp_path / "versions.csv").read_text()
    report = bench.retrain("m-002")
    assert states(report) == {"m-002": "gate_failed"}
    assert report.gate_failed
    assert not report.failed
    assert (tmp_path / "versions.csv").read_text() == before
    assert f"{BASE}/002-2.ilearner" in bench.store.blobs
    why = json.loads(bench.store.blobs[f"{BASE}/002-2.rejected.json"])
    assert why["gates"][0]["reason"] == "AUC 0.7 is below 0.8"
    # Its number is used up: the next model gets the next one.
    bench.service.evaluation = lambda who: b"AUC\n0.9\n"
    bench.retrain("m-002")
    assert bench.versions()["m-002"] == [1, 3]


def test_worse_than_live_fails(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    bench.live["m-001"] = 0.95
    report = bench.retrain()
    assert states(report) == {"m-001": "gate_failed"}


@pytest.mark.parametrize("evaluation", [b"", b"AUC\nNaN\n", b"Accuracy\n0.9\n", b"AUC\n0.9\n0.9\n", b"\xff\xff"])
def test_a_gate_never_passes_on_a_metric_that_cannot_be_read(tmp_path: Path, evaluation: bytes) -> None:
    bench = Bench(tmp_path, 1, evaluation=lambda who: evaluation)
    assert states(bench.retrain()) == {"m-001": "gate_failed"}
    assert bench.pins() == [1]


def test_a_place_that_is_taken_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2)
    bench.store.blobs[f"{BASE}/001-2.ilearner"] = b"somebody's"
    report = bench.retrain()
    assert states(report) == {"m-001": "refused", "m-002": "accepted"}
    assert report.book.rows["Retraining/m-001"].job.code == "RC607"
    assert bench.store.blobs[f"{BASE}/001-2.ilearner"] == b"somebody's"
    bench.retrain("m-001", terms=Terms(skip_taken=True))
    assert bench.versions()["m-001"] == [1, 3]


def test_an_evaluation_blob_is_not_written_over_either(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    bench.store.blobs[f"{BASE}/001-2.csv"] = b"AUC\n0.99\n"
    assert states(bench.retrain()) == {"m-001": "refused"}


def test_no_bump_records_only(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2)
    bench.retrain(terms=Terms(bump=False))
    assert bench.versions() == {"m-001": [1, 2], "m-002": [1, 2]}
    assert bench.pins() == [1, 1]


def test_what_could_not_be_recorded_is_said_before_the_first_job(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2)
    text = (tmp_path / "manifests/all.yaml").read_text().replace("@{{ item.version }}", "@{{ vars.locations - 1 }}")
    (tmp_path / "manifests/all.yaml").write_text(text)
    with pytest.raises(InvalidInput):
        bench.retrain()
    assert bench.service.calls["submit"] == 0
    assert bench.store.created == []


def test_a_lost_answer_to_a_submission_never_starts_two_jobs(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1, lose=2)
    report = bench.retrain()
    assert states(report) == {"m-001": "accepted"}
    assert len(bench.service.jobs) == 3
    assert bench.service.calls["start"] == 1
    assert any("never started" in note for note in report.notes)
    bench.service.lose = 9
    report = bench.retrain()
    assert states(report) == {"m-001": "refused"}
    assert report.book.rows["Retraining/m-001"].job.code == "RC614"


def test_an_expired_signature_is_renewed_by_asking_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    bench.store.expired = {"sig=job-1-1"}
    assert states(bench.retrain()) == {"m-001": "accepted"}
    assert bench.service.calls["status"] == 2


def test_an_outage_of_the_store_leaves_the_job_open(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    model = f"{BASE}/001-2.ilearner"

    class Down(dict[str, Exception]):
        def __contains__(self, key: object) -> bool:
            return key == model and model in bench.store.blobs

        def __getitem__(self, key: str) -> Exception:
            return Unavailable("the store is down")

    bench.store.refuse = Down()
    report = bench.retrain()
    assert states(report) == {"m-001": "left"}
    assert report.failed
    assert not bench.finished()
    with pytest.raises(Unfinished, match="not finished"):
        bench.retrain()
    bench.store.refuse = {}
    report = bench.resume()
    assert states(report) == {"m-001": "accepted"}
    assert bench.service.calls["submit"] == 1
    assert bench.finished()


def test_submit_only_and_resume(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 3)
    report = bench.retrain(submit_only=True)
    assert report.counts[State.SUBMITTED] == 3
    assert not report.failed
    assert bench.pins() == [1, 1, 1]
    report = bench.resume()
    assert set(states(report).values()) == {"accepted"}
    assert bench.service.calls["submit"] == 3
    assert bench.pins() == [2, 2, 2]
    assert resume(RetrainOptions(), bench.shop()) is None


def test_abandon_cancels_and_closes(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2)
    bench.retrain(submit_only=True)
    notes = abandon(bench.shop())
    assert sum("cancelled job" in note for note in notes) == 2
    assert {job.state for job in bench.service.jobs.values()} == {"Cancelled"}
    assert bench.finished()
    assert states(bench.retrain()) == {"m-001": "accepted", "m-002": "accepted"}
    assert bench.versions()["m-001"] == [1, 3], "the place of a cancelled job is not used again"


class Killed(BaseException):
    pass


@pytest.mark.parametrize("event", ["Prepared", "Submitted", "Started", "Told", "Collected"])
@pytest.mark.parametrize("nth", [1, 3])
def test_killed_anywhere_and_resumed_nothing_is_trained_twice(
    tmp_path: Path, event: str, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, 6, polls=2)
    seen: list[str] = []
    from retrainctl.operations import retraining

    heard = retraining._Heard.__call__

    def kill(self: Any, key: str, job: Any, what: Any) -> None:
        seen.append(type(what).__name__)
        if seen.count(event) == nth and type(what).__name__ == event:
            raise Killed
        heard(self, key, job, what)

    monkeypatch.setattr(retraining._Heard, "__call__", kill)
    with pytest.raises(Killed):
        bench.retrain(in_flight=2, parallel=2)
    monkeypatch.undo()
    report = bench.resume()
    assert set(states(report).values()) == {"accepted"}
    started = [job for job in bench.service.jobs.values() if job.state != "NotStarted"]
    assert len(started) == 6, "a job was run twice"
    assert bench.pins() == [2] * 6
    assert bench.versions() == {f"m-00{n}": [1, 2] for n in range(1, 7)}


@pytest.mark.parametrize("files", [0, 1, 2])
def test_killed_while_recording_and_resumed(tmp_path: Path, files: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead process puts nothing back: after so many files were replaced nothing is written any more."""
    bench = Bench(tmp_path, 3)
    replace, written = recording._replace, []

    def dies(*arguments: Any) -> None:
        if len(written) == files:
            raise Killed
        written.append(arguments)
        replace(*arguments)

    def dies_after(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(recording, "_replace", dies)
    monkeypatch.setattr(recording, "_compare", dies_after)
    with pytest.raises(Killed):
        bench.retrain()
    monkeypatch.undo()
    assert len(written) == files
    report = bench.resume()
    assert set(states(report).values()) == {"accepted"}
    assert bench.versions() == {f"m-00{n}": [1, 2] for n in range(1, 4)}
    assert bench.pins() == [2, 2, 2]
    assert bench.finished()


def test_an_edit_that_says_something_else_is_put_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2)
    shop = bench.shop()
    broken: Callable[[], Loaded] = lambda: shop.loaded  # noqa: E731 - reads the project as it was
    shop = Workshop(**{**{f: getattr(shop, f) for f in shop.__dataclass_fields__}, "reload": broken})
    before = {name: (tmp_path / name).read_bytes() for name in ("versions.csv", "rows.csv")}
    report = retrain(RetrainOptions(), shop)
    assert report.problem is not None
    assert report.problem.code == "RC634"
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    report = bench.resume()
    assert report.problem is None
    assert bench.pins() == [2, 2]


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    for name, value in {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}.items():
        monkeypatch.setenv(name, value)
    bench = Bench(tmp_path, 2)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.name", "t")
    git(tmp_path, "config", "user.email", "t@example.org")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "start")
    return bench


def test_a_branch_gets_exactly_the_manifests(repository: Bench) -> None:
    (repository.root / "other.txt").write_text("mine")
    report = repository.retrain(terms=Terms(branch="retrain/november"))
    assert report.problem is None
    assert git(repository.root, "log", "--format=%s", "-1") == "Retrained 2 models\n"
    assert git(repository.root, "show", "--name-only", "--format=").split() == ["rows.csv", "versions.csv"]
    assert git(repository.root, "branch", "--show-current") == "retrain/november\n"
    assert report.recorded.commit == git(repository.root, "rev-parse", "HEAD").strip()
    assert "?? other.txt" in git(repository.root, "status", "--porcelain")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda root: git(root, "branch", "b"), "is there already"),
        (lambda root: (root / "rows.csv").write_text("id,version\n001,1\n002,1\n\n"), "not committed"),
        (
            lambda root: (
                git(root, "config", "user.useConfigOnly", "true") or git(root, "config", "--unset", "user.email")
            ),
            "who commits",
        ),
    ],
    ids=["branch exists", "dirty files", "nobody"],
)
def test_a_branch_that_cannot_be_made_is_said_before_the_first_job(
    repository: Bench, spoil: Callable[[Path], object], why: str
) -> None:
    spoil(repository.root)
    with pytest.raises(RetrainctlError, match=why) as caught:
        repository.retrain(terms=Terms(branch="b"))
    assert caught.value.code == "RC633"
    assert repository.service.calls["submit"] == 0


def test_a_thousand_retrainings_keep_only_their_books(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1000, polls=2)
    report = bench.retrain()
    assert set(states(report).values()) == {"accepted"}
    assert bench.service.most <= 40
    assert bench.pins() == [2] * 1000


def test_nothing_secret_in_journal_or_report(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2, fate={"002": "fail"})
    report = bench.retrain()
    (journal,) = journals(tmp_path / ".retrainctl/retrain/local")
    for text in (journal.read_text(), json.dumps(report.document())):
        assert "sig=" not in text
        assert "AccountKey" not in text


def test_a_missing_port_is_a_refusal_in_words(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    bench.service.fail["submit"] = [Rejected("no port output2", code="RC386", status=400)]
    report = bench.retrain()
    assert states(report) == {"m-001": "refused"}
    assert report.document()["retrainings"][0]["code"] == "RC386"
