"""What the runner does for a training job: data in, a free version, the job itself, its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.model.retraining import Retraining
from retrainctl.model.values import Json, Secret, SecretRef
from retrainctl.ports import (
    BlobStore,
    JobBlob,
    JobRequest,
    JobService,
    JobStatus,
    NotFound,
    Pause,
    Rejected,
    SecretResolver,
    ServiceDirectory,
)
from retrainctl.retrain.data import DataFiles
from retrainctl.retrain.gates import References
from retrainctl.retrain.results import Outcome, collect, marker_of

_TRIES: Final = 1000
HIDDEN: Final = "(secret)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a job writes, and what it is given. data, parameters: as they are recorded, without secrets."""

    version: int
    model: str
    evaluation: str | None = None
    data: tuple[str, ...] = ()
    parameters: Mapping[str, Json] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "model": self.model,
            "evaluation": self.evaluation,
            "data": list(self.data),
            "parameters": dict(self.parameters),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Place:
        return cls(**{**data, "data": tuple(data["data"])})


@dataclass(slots=True, kw_only=True)
class Training:
    """One retraining of a run. first: the version to begin with. place: known from its preparation on."""

    retraining: Retraining
    first: int
    place: Place | None = None


class TrainingHands:
    """Carries out the wishes of training jobs (implements `runner.Hands`). Thread-safe by key.

    address: the URI of a blob in an account's container. references: what gates of a model compare with. skip_taken:
    whether a version whose place is taken by an unknown blob gives way to the next number.
    """

    def __init__(
        self,
        *,
        trainings: Mapping[str, Training],
        directory: ServiceDirectory,
        store: BlobStore,
        data: DataFiles,
        address: Callable[[str, str, str], str],
        secrets: SecretResolver,
        references: Callable[[str], References],
        skip_taken: bool = False,
    ) -> None:
        self._trainings = trainings
        self._directory = directory
        self._store = store
        self._data = data
        self._address = address
        self._secrets = secrets
        self._references = references
        self._skip_taken = skip_taken
        self._requests: dict[str, JobRequest] = {}

    def prepare(self, key: str, pause: Pause) -> Place:
        del pause
        training = self._trainings[key]
        made = training.retraining
        service = self._directory.open(made.service)
        inputs = {port: self._input(made, port) for port in made.inputs}
        parameters = {name: self._parameter(value) for name, value in made.parameters.items()}
        version, model, evaluation = self._free(training)
        outputs = {made.model_port: JobBlob(uri=model)}
        if made.evaluation_port is not None and evaluation is not None:
            outputs[made.evaluation_port] = JobBlob(uri=evaluation)
        request = JobRequest(inputs=inputs, outputs=outputs, parameters=parameters, pool=made.pool)
        service.check(request)
        self._requests[key] = request
        training.place = Place(
            version=version,
            model=model,
            evaluation=evaluation,
            data=tuple(blob.uri for blob in inputs.values()),
            parameters={n: HIDDEN if isinstance(v, Secret) else v for n, v in parameters.items()},
        )
        return training.place

    def submit(self, key: str, pause: Pause) -> str:
        return self._service(key).submit(self._requests[key], pause)

    def start(self, key: str, job: str, pause: Pause) -> None:
        # What may hold secrets is not kept longer than it is needed.
        self._requests.pop(key, None)
        self._service(key).start(job, pause)

    def status(self, key: str, job: str, pause: Pause) -> JobStatus:
        return self._service(key).status(job, pause)

    def cancel(self, key: str, job: str, pause: Pause) -> None:
        self._service(key).cancel(job, pause)

    def collect(self, key: str, status: JobStatus, pause: Pause) -> Outcome:
        del pause
        made = self._trainings[key].retraining
        return collect(made, status, self._store, self._references(made.produces))

    def _service(self, key: str) -> JobService:
        return self._directory.open(self._trainings[key].retraining.service)

    def _input(self, made: Retraining, port: str) -> JobBlob:
        given = made.inputs[port]
        if given.file is not None:
            return JobBlob(uri=self._data.bring(given.file, made.account, made.container))
        assert given.uri is not None, "an input is a file or a blob"
        sas = None if given.sas is None else self._secrets.resolve(given.sas)
        return JobBlob(uri=given.uri, sas=sas)

    def _parameter(self, value: Json | SecretRef) -> Json | Secret:
        return self._secrets.resolve(value) if isinstance(value, SecretRef) else value

    def _free(self, training: Training) -> tuple[int, str, str | None]:
        """The first version whose place is free: numbers of models that were not taken are used up."""
        made = training.retraining
        for version in range(training.first, training.first + _TRIES):
            names = made.blobs(version)
            model = self._address(made.account, made.container, names.model)
            evaluation = None
            if names.evaluation is not None:
                evaluation = self._address(made.account, made.container, names.evaluation)
            taken = next((uri for uri in (model, evaluation) if uri is not None and self._is_there(uri)), None)
            used_up = self._is_there(marker_of(model))
            if taken is None and not used_up:
                return version, model, evaluation
            if not used_up and not self._skip_taken:
                raise Rejected(
                    f"{taken} is there already, though version {version} of {made.produces} is not recorded; "
                    "nothing is written over",
                    code="RC607",
                    hint="Another branch may record it. Record or remove it; --skip-taken takes the next free number.",
                    sent=False,
                )
        raise Rejected(
            f"no free version of {made.produces} from {training.first} on", code="RC607", hint="Clean up.", sent=False
        )

    def _is_there(self, uri: str) -> bool:
        try:
            self._store.facts(uri)
        except NotFound as error:
            if error.code == "RC663":
                raise
            return False
        return True
