"""`retrain`: run training jobs, judge their models, record the good ones. Prints nothing.

A run is begun, then carried on: the same road is walked by a new run and by one that is resumed. What it did is in its
book, which a killed process leaves behind (`retrainctl.retrain.book`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.manifest.kinds.retraining import retraining as as_noun
from retrainctl.manifest.load import Loaded
from retrainctl.manifest.suggest import hint
from retrainctl.model.address import Address
from retrainctl.model.retraining import LIVE, Retraining
from retrainctl.model.versions import ModelVersion
from retrainctl.operations.live_versions import recorded_references
from retrainctl.operations.recording import Recorded, check_recording, record
from retrainctl.operations.rejecting import mark_rejected
from retrainctl.operations.retrain_report import RetrainReport, line_of
from retrainctl.plan.guard import matching
from retrainctl.ports import BlobStore, Clock, Observer, Progress, SecretResolver, ServiceDirectory
from retrainctl.retrain.book import OPEN, Book, Row, State, Terms, iso
from retrainctl.retrain.data import DataFiles
from retrainctl.retrain.gates import References
from retrainctl.retrain.journal import is_finished, journal_of, journals, only_one, prune, run_of
from retrainctl.retrain.lifecycle import End, Event, Job, Rules, Stage
from retrainctl.retrain.runner import LIMIT, Entry, Runner
from retrainctl.retrain.stopping import Stop
from retrainctl.retrain.training import Training, TrainingHands

_KIND: Final = "Retraining"


class Unfinished(RetrainctlError):
    """An earlier run has jobs or models that nobody has looked after."""

    default_code = "RC630"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainOptions:
    """What the user may ask of a run. time_limit in seconds; cancel: an interruption cancels the jobs."""

    names: tuple[str, ...] = ()
    submit_only: bool = False
    terms: Terms = field(default_factory=Terms)
    in_flight: int = LIMIT
    parallel: int = 8
    time_limit: float | None = None
    cancel: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What a run works with.

    folder: where journals are. reload: reads the project anew. address: URI of a blob in an account's container. live:
    what gates of these models compare with; asked once, and only when there is such a gate.
    """

    loaded: Loaded
    reload: Callable[[], Loaded]
    directory: ServiceDirectory
    store: BlobStore
    secrets: SecretResolver
    address: Callable[[str, str, str], str]
    live: Callable[[frozenset[str]], Mapping[str, References]]
    clock: Clock
    observer: Observer
    folder: Path
    version: str


def retrain(options: RetrainOptions, shop: Workshop) -> RetrainReport:
    """Retrains what the names choose, all there is without any.

    Raises:
        InvalidInput: versions could not be recorded or slots not moved; nothing was trained.
        Unfinished: an earlier run must be resumed or abandoned first.
        RetrainctlError: no such retraining (RC608, RC635), another run (RC632), a branch that cannot be made (RC633).
    """
    chosen = choose(shop.loaded, options.names)
    check_recording(
        shop.loaded, [made.produces for made in chosen], bump=options.terms.bump, branch=options.terms.branch
    )
    with only_one(shop.folder):
        _check_unfinished(shop.folder)
        prune(shop.folder)
        run = f"{shop.clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(6)}"
        book = Book.begin(
            journal_of(shop.folder, run),
            [Row(key=str(made.address), model=made.produces) for made in chosen],
            run=run,
            environment=shop.loaded.environment.name,
            version=shop.version,
            terms=options.terms,
            clock=shop.clock,
        )
        return _carry_on(book, {str(made.address): made for made in chosen}, options, shop)


def resume(options: RetrainOptions, shop: Workshop) -> RetrainReport | None:
    """Goes on with the run that was not finished; None when there is none. Nothing that has ended is trained again."""
    with only_one(shop.folder):
        path = _unfinished(shop.folder)
        if path is None:
            return None
        book = Book.read(path, shop.clock)
        known = {str(made.address): made for made in choose(shop.loaded, ())}
        gone = [key for key, row in book.rows.items() if key not in known and not _is_settled(row)]
        if gone:
            raise Unfinished(
                f"run {book.run} is about {gone[0]}, which no manifest declares any more",
                hint="Bring it back, or close the run with --abandon.",
            )
        return _carry_on(book, known, options, shop)


def abandon(shop: Workshop) -> list[str]:
    """Cancels the jobs of the run that was not finished and closes it; says what was done."""
    with only_one(shop.folder):
        path = _unfinished(shop.folder)
        if path is None:
            return []
        book = Book.read(path, shop.clock)
        known = {str(made.address): made for made in choose(shop.loaded, ())}
        notes = [f"run {book.run} is closed"]
        for key, row in book.rows.items():
            if row.job.end is None or row.job.end is End.LEFT:
                notes += _cancelled(row, known.get(key), shop)
                book.dropped(key, "the run was abandoned")
            elif row.state is State.ACCEPTED and not row.recorded:
                notes.append(f"{row.model}@{_version(row)} was accepted and is not recorded")
        notes += mark_rejected(book, shop.store, abandoned=True)
        book.finish(outcome="abandoned")
        book.close()
        return notes


def choose(loaded: Loaded, names: Sequence[str]) -> list[Retraining]:
    """The retrainings that addresses, names or patterns mean; all without any. Raises `RetrainctlError`."""
    there = [as_noun(raw) for raw in loaded.retrainings]
    if not there:
        raise RetrainctlError(
            "the project declares no Retraining", code="RC635", hint="Write a manifest of kind Retraining."
        )
    if not names:
        return there
    found: dict[Address, Retraining] = {}
    for name in names:
        pattern = name if name.startswith(f"{_KIND}/") else f"{_KIND}/{name}"
        fitting = [made for made in there if matching(made.address, (pattern,)) is not None]
        if not fitting:
            known = [made.address.name for made in there]
            raise RetrainctlError(f"no Retraining fits {name}", code="RC608", hint=hint(name, known, "retrainings"))
        found.update({made.address: made for made in fitting})
    return list(found.values())


def _carry_on(book: Book, known: Mapping[str, Retraining], options: RetrainOptions, shop: Workshop) -> RetrainReport:
    try:
        stop = _run_jobs(book, known, options, shop)
        return _end(book, stop, options, shop)
    finally:
        book.close()


def _run_jobs(book: Book, known: Mapping[str, Retraining], options: RetrainOptions, shop: Workshop) -> Stop:
    stop = Stop(shop.clock)
    todo = [row for row in book.rows.values() if not _is_settled(row)]
    if todo:
        references = _references([known[row.key] for row in todo], shop)
        for row in book.rows.values():
            row.before = _before(references.get(row.model, {}), shop.loaded, row.model)
        hands = _hands(book, todo, known, references, options, shop)
        entries = [
            Entry(
                key=row.key,
                group=f"{known[row.key].service.target}:{known[row.key].service}",
                rules=_rules(known[row.key], options),
                # Only what is certain is taken over: the id, and since when it runs.
                job=Job(id=row.job.id, started=row.job.started),
            )
            for row in todo
        ]
        heard = _Heard(book, shop.observer, options.submit_only, ended=len(book.rows) - len(todo))
        shop.observer.progress(Progress(task="retrain", done=heard.ended, total=len(book.rows)))
        with stop.listening():
            Runner(
                hands=hands,
                clock=shop.clock,
                stop=stop,
                on_change=heard,
                limit=options.in_flight,
                workers=options.parallel,
                cancel=options.cancel,
            ).run(entries)
    return stop


def _hands(
    book: Book,
    todo: Sequence[Row],
    known: Mapping[str, Retraining],
    references: Mapping[str, References],
    options: RetrainOptions,
    shop: Workshop,
) -> TrainingHands:
    trainings = {}
    for row in todo:
        versions = shop.loaded.models[row.model].versions
        trainings[row.key] = Training(
            retraining=known[row.key], first=versions[-1].version + 1 if versions else 1, place=row.place
        )
    data = DataFiles(store=shop.store, root=shop.loaded.project.root, address=shop.address, observer=shop.observer)
    return TrainingHands(
        trainings=trainings,
        directory=shop.directory,
        store=shop.store,
        data=data,
        address=shop.address,
        secrets=shop.secrets,
        references=references.__getitem__,
        skip_taken=book.terms.skip_taken,
    )


@dataclass(slots=True)
class _Heard:
    """Keeps the books and tells the observer: one line per job that has ended, one bar for all."""

    book: Book
    observer: Observer
    submit_only: bool
    ended: int = 0

    def __call__(self, key: str, job: Job, event: Event) -> None:
        self.book.heard(key, job, event)
        if job.stage is not Stage.ENDED:
            return
        row = self.book.rows[key]
        self.observer.note(line_of(row, submit_only=self.submit_only))
        self.ended += 1
        self.observer.progress(Progress(task="retrain", done=self.ended, total=len(self.book.rows)))


def _end(book: Book, stop: Stop, options: RetrainOptions, shop: Workshop) -> RetrainReport:
    """Records what was accepted, marks what was not; a run with nothing left to do is finished."""
    notes = mark_rejected(book, shop.store, abandoned=False)
    recorded, problem = Recorded(), None
    accepted = [row for row in book.rows.values() if row.state is State.ACCEPTED and not row.recorded]
    if accepted and stop.signal is None:
        try:
            recorded = _record(book, accepted, shop)
        except RetrainctlError as error:
            problem = error
        except OSError as error:
            text = f"the new versions could not be written: {error.strerror or error}"
            problem = RetrainctlError(text, code="RC008", hint="Check the disk and the files' rights.")
    open_rows = [row for row in book.rows.values() if row.state in OPEN]
    unrecorded = [row for row in accepted if not row.recorded]
    if not open_rows and not unrecorded:
        book.finish(outcome="finished")
    notes += [f"{row.key}: {note}" for row in book.rows.values() for note in row.job.notes]
    return RetrainReport(
        book=book,
        ended=iso(shop.clock.now()),
        recorded=recorded,
        notes=tuple(notes) + recorded.notes,
        signal=stop.signal,
        problem=problem,
        submit_only=options.submit_only,
    )


def _record(book: Book, rows: Sequence[Row], shop: Workshop) -> Recorded:
    # Somebody may have edited the manifests while the jobs ran.
    loaded = shop.reload()
    versions = [_as_version(row) for row in rows]
    done = record(loaded, shop.reload, versions, bump=book.terms.bump, branch=book.terms.branch)
    book.recorded([row.key for row in rows], files=list(done.files), branch=done.branch, commit=done.commit)
    return done


def _as_version(row: Row) -> ModelVersion:
    place, outcome = row.place, row.outcome
    assert place is not None
    assert outcome is not None
    assert row.ended is not None
    return ModelVersion(
        model=row.model,
        version=place.version,
        uri=outcome.uri,
        sha256=outcome.sha256,
        etag=outcome.etag,
        trained_at=iso(datetime.fromtimestamp(row.ended, UTC)),
        run=row.job.id,
        metrics=outcome.metrics,
        data=place.data,
        parameters=place.parameters,
    )


def _references(chosen: Sequence[Retraining], shop: Workshop) -> Mapping[str, References]:
    """What the gates compare with; the targets are asked only for models that have such a gate."""
    compared = frozenset(made.produces for made in chosen if any(gate.reference == LIVE for gate in made.gates))
    found = dict(shop.live(compared)) if compared else {}
    for made in chosen:
        if made.produces not in found:
            found[made.produces] = recorded_references(shop.loaded.models[made.produces])
    return found


def _before(references: References, loaded: Loaded, model: str) -> tuple[str, Mapping[str, float]] | None:
    if live := references.get(LIVE):
        return live[0].label, live[0].metrics
    versions = loaded.models[model].versions
    return (versions[-1].label, versions[-1].metrics) if versions else None


def _rules(made: Retraining, options: RetrainOptions) -> Rules:
    rules = replace(Rules(), submit_only=options.submit_only)
    limit = options.time_limit if options.time_limit is not None else made.time_limit
    return rules if limit is None else replace(rules, time_limit=limit)


def _is_settled(row: Row) -> bool:
    """Whether nothing is left to be done with its job."""
    return row.job.end is not None and row.job.end is not End.LEFT


def _version(row: Row) -> str:
    return "?" if row.place is None else str(row.place.version)


def _unfinished(folder: Path) -> Path | None:
    return next((path for path in reversed(journals(folder)) if not is_finished(path)), None)


def _check_unfinished(folder: Path) -> None:
    path = _unfinished(folder)
    if path is not None:
        raise Unfinished(
            f"run {run_of(path)} of `retrain` is not finished",
            hint="`retrainctl retrain --resume` goes on with it; `--abandon` cancels its jobs and closes it.",
        )


def _cancelled(row: Row, made: Retraining | None, shop: Workshop) -> list[str]:
    if row.job.id is None or made is None:
        return []
    try:
        shop.directory.open(made.service).cancel(row.job.id, shop.clock.sleep)
    except RetrainctlError as error:
        return [f"job {row.job.id} of {row.key} was not cancelled: {error.message}"]
    return [f"cancelled job {row.job.id} of {row.key}"]
