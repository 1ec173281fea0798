"""The troubleshooting catalogue (classic-api.md section 11) as data, and the service's answers told by it.

Every entry is there: what can be known before a call is refused or warned of at plan time under `code`, what only the
service can say is recognised in its answer by `signs`, the rest says why it cannot happen here.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from retrainctl.fastclass import dataclass
from retrainctl.ports import TargetError


class Met(StrEnum):
    """How retrainctl meets an entry."""

    REFUSED = "refused"
    """An error before the call: when planning, or right before sending."""
    WARNED = "warned"
    """The plan says it: as a risk, or in a step."""
    ANSWERED = "answered"
    """The service's answer is recognised."""
    AVOIDED = "avoided"
    """It cannot happen here; `fix` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What an answer must have to be this entry. An empty part matches everything.

    codes: service codes in lower case. words: searched in the message without regard to case. calls: what was tried:
    `read`, `create`, `update`, `patch`, `refresh`, `delete`, `job`, `score`, `promote`.
    """

    statuses: tuple[int, ...] = ()
    codes: frozenset[str] = frozenset()
    words: str = ""
    calls: frozenset[str] = frozenset()

    def fits(self, error: TargetError, call: str) -> bool:
        if self.statuses and error.status not in self.statuses:
            return False
        if self.codes and (error.service_code or "").casefold() not in self.codes:
            return False
        if self.calls and call not in self.calls:
            return False
        return not self.words or re.search(self.words, error.message, re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One entry. `number` is the catalogue's, `code` ours; `risk` is the code of the warning in a plan."""

    number: str
    symptom: str
    cause: str
    fix: str
    met: tuple[Met, ...]
    code: str | None = None
    risk: str | None = None
    signs: tuple[Sign, ...] = ()


def _codes(*names: str) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)


_WRITES: Final = frozenset({"update", "patch", "refresh"})
_MODEL: Final = frozenset({"patch"})
_JOB: Final = frozenset({"job"})
_RUNS: Final = frozenset({"job", "score"})
_MANAGEMENT: Final = frozenset({"read", "create", "update", "patch", "refresh", "delete"})

TROUBLES: Final[tuple[Trouble, ...]] = (
    Trouble(
        number="T1",
        symptom="the service refuses a new model: this Web Service has no updatable resources",
        cause="it is a training service, or a service that was deployed without a saved trained model",
        fix="Name the predictive (scoring) service.",
        met=(Met.REFUSED, Met.ANSWERED),
        code="RC364",
        signs=(Sign(words="no updatable resources|not supported or available in this context", calls=_WRITES),),
    ),
    Trouble(
        number="T2",
        symptom="the service refuses to change the endpoint `default`",
        cause="the default endpoint follows the deployment and cannot be updated",
        fix="Add an endpoint of your own and point that one at the model.",
        met=(Met.REFUSED, Met.ANSWERED),
        code="RC363",
        signs=(Sign(words="default endpoint", calls=_WRITES),),
    ),
    Trouble(
        number="T3",
        symptom="the service refuses an update although it exists",
        cause="the address names the service, or the endpoint's id in place of its name",
        fix="retrainctl composes the address itself, from ids that it has read.",
        met=(Met.AVOIDED,),
    ),
    Trouble(
        number="T5",
        symptom="401 with a correct token",
        cause="the token is not that of this workspace, or the workspace is in another region than the host (T4, T5)",
        fix="Check `token`, `workspace` and `location` in the environment's `classic:`; a Free workspace is in "
        "South Central US.",
        met=(Met.ANSWERED,),
        code="RC382",
        signs=(
            Sign(statuses=(401, 403), codes=_codes("ManagementRequestUnauthorized"), calls=_MANAGEMENT),
            Sign(statuses=(401,), calls=_MANAGEMENT),
        ),
    ),
    Trouble(
        number="T4",
        symptom="an update answers 401",
        cause="the key is another endpoint's, or the token another region's",
        fix="retrainctl uses the workspace's token for every endpoint; see T5.",
        met=(Met.AVOIDED,),
    ),
    Trouble(
        number="T6",
        symptom="the service refuses the model's address: URL for retraining model invalid",
        cause="the SAS token has expired or may not read, or the blob is missing or was replaced",
        fix="Check that the blob exists (`retrainctl models verify`) and that the storage account's key is the current "
        "one; then apply again, a new token is made for every call.",
        met=(Met.REFUSED, Met.ANSWERED),
        code="RC380",
        signs=(
            Sign(words="retraining model", calls=_MODEL),
            Sign(codes=_codes("BlobNotFound", "InvalidBlob", "ExpiryTimeInThePast"), calls=_MODEL),
        ),
    ),
    Trouble(
        number="T7",
        symptom="the update was accepted, predictions stay as they were",
        cause="an update takes up to 30 s; or another endpoint, mostly `default`, is scored",
        fix="Wait 30 s and score the endpoint that was updated.",
        met=(Met.WARNED,),
    ),
    Trouble(
        number="T8",
        symptom="the resource is not found, or `Resources` is empty",
        cause="the name is not exactly that of `Resources[].Name`, or the experiment holds an untrained model",
        fix="Copy the slot's name from the message; it is compared exactly.",
        met=(Met.REFUSED, Met.ANSWERED),
        code="RC365",
        signs=(
            Sign(words=r"resource\b.*\b(?:not found|does not exist|unknown|no such)", calls=_MODEL),
            Sign(words="(?:no|unknown|find) .*resource", calls=_MODEL),
        ),
    ),
    Trouble(
        number="T9",
        symptom="the service refuses the model: ModelOutputMetadataMismatch, IncompatibleModel",
        cause="the model was made by an experiment of another shape",
        fix="Train with the training experiment that belongs to the service; or deploy the experiment again and "
        "`refresh: all` the endpoint.",
        met=(Met.ANSWERED,),
        code="RC381",
        signs=(Sign(codes=_codes("ModelOutputMetadataMismatch", "IncompatibleModel")),),
    ),
    Trouble(
        number="T10",
        symptom="InvalidBlobExtension: invalid or missing file extension",
        cause="a model's blob must end in `.ilearner`, data in `.csv`, `.tsv` or `.arff`",
        fix="Name the `.ilearner` output of the training job.",
        met=(Met.REFUSED, Met.ANSWERED),
        code="RC343",
        signs=(Sign(codes=_codes("InvalidBlobExtension")), Sign(words="missing file extension")),
    ),
    Trouble(
        number="T11",
        symptom="InvalidInputNames",
        cause="the service has no input port of that name; names are compared with case",
        fix="Take the names from `BatchInputs` of the endpoint's swagger.",
        met=(Met.ANSWERED,),
        code="RC386",
        signs=(Sign(codes=_codes("InvalidInputNames"), calls=_RUNS),),
    ),
    Trouble(
        number="T12",
        symptom="InvalidOutputOverrideName",
        cause="the service has no output port of that name; names are compared with case",
        fix="Take the names from `BatchOutputs` of the endpoint's swagger.",
        met=(Met.ANSWERED,),
        code="RC386",
        signs=(Sign(codes=_codes("InvalidOutputOverrideName"), calls=_RUNS),),
    ),
    Trouble(
        number="T13",
        symptom="MissingRequiredGlobalParameters, UnexpectedParameter",
        cause="a web service parameter is missing or misspelt; names are compared with case",
        fix="Take the names from `GlobalParameters` of the endpoint's swagger.",
        met=(Met.ANSWERED,),
        code="RC386",
        signs=(Sign(codes=_codes("MissingRequiredGlobalParameters", "UnexpectedParameter"), calls=_RUNS),),
    ),
    Trouble(
        number="T14",
        symptom="InvalidBlobConnectionString, BlobNotFound, ExpiryTimeInThePast",
        cause="the job names a blob, a storage account or a SAS token that is not good",
        fix="Check the account, its key and the blob's name; outputs need a connection string.",
        met=(Met.ANSWERED,),
        code="RC386",
        signs=(Sign(codes=_codes("InvalidBlobConnectionString", "BlobNotFound", "ExpiryTimeInThePast"), calls=_RUNS),),
    ),
    Trouble(
        number="T15",
        symptom="BatchJobInputsNotSpecified, BatchJobInputsTooManySpecified, MultipleInputsNotAllowed",
        cause="`Input` and `Inputs` are mixed up",
        fix="Name every input under `Inputs`.",
        met=(Met.ANSWERED,),
        code="RC386",
        signs=(
            Sign(
                codes=_codes(
                    "BatchJobInputsNotSpecified", "BatchJobInputsTooManySpecified", "MultipleInputsNotAllowed"
                ),
                calls=_RUNS,
            ),
        ),
    ),
    Trouble(
        number="T16",
        symptom="a job stays NotStarted, or CannotStartJob",
        cause="a job runs only after its start was asked for, and only once",
        fix="Look at the job's state; submit it again if it was never started.",
        met=(Met.ANSWERED,),
        code="RC387",
        signs=(Sign(codes=_codes("CannotStartJob"), calls=_JOB),),
    ),
    Trouble(
        number="T17",
        symptom="a job runs for hours",
        cause="the machines are shared and serve jobs in turn; at most 40 of an endpoint run at once",
        fix="retrainctl bounds how many jobs it submits at once, and how long it waits.",
        met=(Met.AVOIDED,),
    ),
    Trouble(
        number="T18",
        symptom="a job fails: All rows must have same number of elements",
        cause="the training data is broken",
        fix="Mend the data; the message names the module that could not read it.",
        met=(Met.ANSWERED,),
        code="RC388",
        signs=(Sign(words="same number of elements", calls=_JOB),),
    ),
    Trouble(
        number="T19",
        symptom="a job fails in the module Reader (Import Data)",
        cause="the module cannot fetch its source: address, key or firewall",
        fix="Check the web service parameters that name the source.",
        met=(Met.ANSWERED,),
        code="RC388",
        signs=(Sign(words="module:? *(?:reader|import data)", calls=_JOB),),
    ),
    Trouble(
        number="T20",
        symptom="503 RequestThrottled, TooManyConcurrentRequests",
        cause="more calls at once than the endpoint's MaxConcurrentCalls",
        fix="Set throttleLevel: High and a larger maxConcurrentCalls, or call less often.",
        met=(Met.ANSWERED,),
        code="RC385",
        signs=(Sign(codes=_codes("RequestThrottled", "TooManyConcurrentRequests")),),
    ),
    Trouble(
        number="T21",
        symptom="503 InitializingContainers, 504 BackendInitializationTimeout",
        cause="the endpoint's container was cold",
        fix="Call again: the container is warm after the first answer.",
        met=(Met.ANSWERED,),
        code="RC385",
        signs=(
            Sign(
                codes=_codes(
                    "InitializingContainers",
                    "BackendInitializationTimeout",
                    "BackendScoreTimeout",
                    "NoMoreResources",
                    "TooManyHostsBeingInitialized",
                    "TooManyHostsBeingInitializedPerModel",
                )
            ),
        ),
    ),
    Trouble(
        number="T22",
        symptom="parameters or outputs are silently ignored",
        cause="a misspelt member of the job (`GolbalParameters`, `ConnetionString` in a well-known sample)",
        fix="retrainctl writes the job itself, from a manifest whose members are checked.",
        met=(Met.AVOIDED,),
    ),
    Trouble(
        number="T23",
        symptom="Unsupported location",
        cause="the location is not in the list of regions",
        fix="Use one of the names that the message lists, or name the addresses in classic.hosts.",
        met=(Met.REFUSED,),
        code="RC360",
    ),
    Trouble(
        number="T24",
        symptom="waiting for a job never ends",
        cause="a client that waits for `Canceled` never sees the service's `Cancelled`",
        fix="retrainctl knows both words and has a time limit.",
        met=(Met.AVOIDED,),
    ),
    Trouble(
        number="T25",
        symptom="two web services have one name",
        cause="an experiment was deployed again without updating its service",
        fix="Name the service by its id, and remove the one that is not needed.",
        met=(Met.REFUSED,),
        code="RC362",
    ),
    Trouble(
        number="T26",
        symptom="endpoints behave as before after a redeployment",
        cause="only `default` follows a redeployment",
        fix="Say `refresh: graph` to take the new graph and keep the models, or `refresh: all` for both.",
        met=(Met.WARNED,),
        risk="behind-default",
    ),
    Trouble(
        number="T27",
        symptom="a retrained model has vanished",
        cause="a refresh with overwriting puts the experiment's own model in its place",
        fix="Declare the slot's model: it is written again right after the refresh.",
        met=(Met.WARNED,),
        risk="refresh-loses-model",
    ),
    Trouble(
        number="T28",
        symptom="Cannot delete default endpoint.",
        cause="the default endpoint goes only with its service",
        fix="Delete the service instead.",
        met=(Met.REFUSED, Met.ANSWERED),
        code="RC363",
        signs=(
            Sign(codes=_codes("UnauthorizedRequest"), calls=frozenset({"delete"})),
            Sign(words="delete default endpoint"),
        ),
    ),
    Trouble(
        number="T29",
        symptom="no further endpoint can be added",
        cause="a service has at most 3 endpoints in a Free workspace and 10,000 in a Standard one, `default` included",
        fix="Remove endpoints, or use a Standard workspace.",
        met=(Met.REFUSED, Met.ANSWERED),
        code="RC367",
        signs=(
            Sign(codes=_codes("EndpointLimitReached"), calls=frozenset({"create"})),
            Sign(words="at most .*endpoints|endpoint limit|too many endpoints", calls=frozenset({"create"})),
        ),
    ),
    Trouble(
        number="T30",
        symptom="413 MemoryQuotaViolation",
        cause="the model or the data is too large for the service's memory",
        fix="Use a smaller model or a smaller batch.",
        met=(Met.ANSWERED,),
        code="RC389",
        signs=(Sign(statuses=(413,)), Sign(codes=_codes("MemoryQuotaViolation", "OutOfMemoryLimit"))),
    ),
    Trouble(
        number="T31",
        symptom="Data Factory error 2600: Batch Execution failed",
        cause="it wraps the service's own answer",
        fix="retrainctl calls the service itself and shows its own words.",
        met=(Met.AVOIDED,),
    ),
    Trouble(
        number="T32",
        symptom="Data Factory: Error reading string. Unexpected token: StartObject",
        cause="a CSV file without a header line",
        fix="retrainctl hands the blob to the service as it is; give it a header, or the extension .nh.csv.",
        met=(Met.AVOIDED,),
    ),
    Trouble(
        number="T33",
        symptom="a Data Factory update fails though the address looks right",
        cause="a full stop was copied with the address",
        fix="retrainctl composes addresses itself.",
        met=(Met.AVOIDED,),
    ),
    Trouble(
        number="T34",
        symptom="404 on an update",
        cause="the endpoint or the service is not there (any more), or `hosts` names a wrong address",
        fix="Plan again: it shows what is live. Check classic.hosts where it is set.",
        met=(Met.ANSWERED,),
        code="RC383",
        signs=(Sign(statuses=(404,), calls=_MANAGEMENT),),
    ),
    Trouble(
        number="T35",
        symptom="the update ran against the training service",
        cause="training and scoring service were mixed up",
        fix="Name the scoring service; a service without updatable resources is refused when planning (T1).",
        met=(Met.REFUSED,),
        code="RC364",
    ),
    Trouble(
        number="T36",
        symptom="letters outside ASCII turn into question marks",
        cause="azuremlps encodes its calls as ASCII",
        fix="retrainctl sends UTF-8.",
        met=(Met.AVOIDED,),
    ),
    Trouble(
        number="T37",
        symptom="experiments and default outputs fail everywhere",
        cause="the key of the workspace's own storage account was changed, or the account deleted",
        fix="Synchronise the workspace's storage key in the portal.",
        met=(Met.ANSWERED,),
        code="RC390",
        signs=(Sign(words="workspace.{0,40}storage|storage account.{0,60}workspace", calls=_RUNS),),
    ),
    Trouble(
        number="T38",
        symptom="promoting a trained model answers 409",
        cause="the name exists already",
        fix="Promote it as a new version of that family.",
        met=(Met.ANSWERED,),
        code="RC391",
        signs=(Sign(statuses=(409,), calls=frozenset({"promote"})),),
    ),
    Trouble(
        number="T39",
        symptom="a New service: the import fails, or the model stays as it was",
        cause="the exported definition holds read-only members, or a SAS token stands in the asset's address",
        fix="The target for New services sends neither.",
        met=(Met.AVOIDED,),
    ),
)
"""T1 to T39. T5 stands before T4, which it includes: the first entry whose signs fit an answer is taken."""


def recognise(error: TargetError, call: str) -> Trouble | None:
    """The entry that an answer is a case of, if any. `call` is what was tried (see `Sign.calls`)."""
    if error.status is None:
        return None
    return next((trouble for trouble in TROUBLES if any(sign.fits(error, call) for sign in trouble.signs)), None)


def explain(error: TargetError, call: str) -> TargetError:
    """The error with the catalogue's code, cause and fix, where its answer is in the catalogue; else as it was."""
    trouble = recognise(error, call)
    if trouble is not None:
        error.code = trouble.code or error.code
        error.hint = f"{trouble.cause[0].upper()}{trouble.cause[1:]} ({trouble.number}). {trouble.fix}"
    return error
