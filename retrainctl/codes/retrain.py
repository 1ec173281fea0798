"""Error codes of this area."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
    "RC600": Code(
        "Every version would have the same blob",
        "`store.path` or `store.evaluation` does not depend on the version, so that a new model would be written "
        "over the former one.",
        "Put `{{ version }}` into the path.",
    ),
    "RC601": Code(
        "Wrong extension",
        "A batch service tells what a blob is by its name: a model ends in `.ilearner`, data in `.csv`, `.tsv` or "
        "`.arff`.",
        "Give the blob or file the right ending.",
    ),
    "RC602": Code(
        "Gate that cannot work",
        "The gate contradicts itself, or it compares a metric of which it is not known which way it gets better.",
        "Mend the gate; for a metric of your own add `direction: higher` or `direction: lower`.",
    ),
    "RC603": Code(
        "Slot cannot be moved",
        "The slot names the model's version in a way that cannot be rewritten for this model alone: neither a "
        "literal `@N` nor a CSV column of its own.",
        "Write `MODEL@N` or `MODEL@{{ item.COLUMN }}`, or run with --no-bump and move the slots yourself.",
    ),
    "RC604": Code(
        "Two retrainings of one model",
        "Two manifests of kind Retraining produce the same model, so that their jobs would write the same version.",
        "Keep one of them, or give each a model of its own.",
    ),
    "RC605": Code(
        "Versions cannot be recorded there",
        "The model's versions are written by an expression, or by one list for several models.",
        "Write the versions as a list of the model alone, or as `versions: {csv: FILE}`.",
    ),
    "RC606": Code(
        "No credential that a job can carry",
        "A batch job writes its results with the storage account's key or a SAS that is sent along; the environment "
        "has neither for this account.",
        "Give `key` or `sas` of the account under `storage` of the environment, as a reference to a secret.",
    ),
    "RC607": Code(
        "The version's place is taken",
        "There is a blob already where the new version shall be, and nothing says whose it is. Nothing is written "
        "over.",
        "Record or remove the blob; with --skip-taken the next free number is used.",
    ),
    "RC608": Code(
        "No such retraining",
        "No manifest of kind Retraining fits the address.",
        "Write Retraining/NAME, the name alone, or a pattern such as `bike-rental-00*`.",
    ),
    "RC610": Code(
        "Training job failed",
        "The service ran the job and it failed; the message is the module's own.",
        "Mend what the message names (most often the data), then retrain this one again.",
    ),
    "RC611": Code(
        "Training job cancelled",
        "Somebody, or the service, cancelled the job.",
        "Retrain this one again.",
    ),
    "RC612": Code(
        "Training job stuck",
        "The job did not end within the time limit and was cancelled.",
        "Look at the service; raise `timeLimit` when such jobs take longer.",
    ),
    "RC613": Code(
        "Training job vanished",
        "The service does not know the job any more.",
        "Retrain this one again; if it happens often, look at the service.",
    ),
    "RC614": Code(
        "Submission without an answer",
        "The answer to the submission was lost several times. Jobs that were registered were never started and do "
        "nothing.",
        "Check the connection, then retrain this one again.",
    ),
    "RC615": Code(
        "Training job never starts",
        "The job was asked to start several times and still is not started.",
        "Look at the service, then retrain this one again.",
    ),
    "RC616": Code(
        "Results cannot be read",
        "The job finished, and its model or evaluation cannot be read.",
        "Check the blob and the account's key, then run `retrainctl retrain --resume`.",
    ),
    "RC617": Code(
        "Job left running",
        "The run ended before the job did.",
        "`retrainctl retrain --resume` waits for it, `--abandon` cancels it.",
    ),
    "RC618": Code(
        "Answer that is no job",
        "The answer of the service is not what the batch API answers.",
        "Check that the address is that of a web service; a proxy may stand before it.",
    ),
    "RC620": Code(
        "Evaluation cannot be read",
        "The evaluation is empty, too large, has several rows, or is no CSV with a header.",
        "Look at the blob; for several rows set `evaluationRow`.",
    ),
    "RC621": Code(
        "Gate failed",
        "A metric of the new model is missing, unreadable, or not good enough. The model is kept, the manifests are "
        "as they were.",
        "Look at the metrics; mend the data or the gate, then retrain.",
    ),
    "RC630": Code(
        "An earlier run is not finished",
        "A run of `retrain` ended before its jobs did, or before their models were recorded.",
        "`retrainctl retrain --resume` goes on with it, `--abandon` cancels its jobs and closes it.",
    ),
    "RC631": Code(
        "The journal cannot be used",
        "The file that says how far a run is cannot be read or written, or is of a newer retrainctl.",
        "Check the disk and the file's rights; use the newer version.",
    ),
    "RC632": Code(
        "Another retrain runs here",
        "Two runs in one environment would take the same version numbers.",
        "Wait for the other one.",
    ),
    "RC633": Code(
        "The branch cannot be made",
        "`--branch` needs a Git repository, a free branch name, files without other changes, and a committer's name.",
        "See the message.",
    ),
    "RC634": Code(
        "The edited manifests do not say what they should",
        "After the edit the project has errors, or other slots moved than meant; every file was put back.",
        "Report it with the manifests; run with --no-bump, or edit them by hand.",
    ),
    "RC635": Code(
        "Nothing to retrain",
        "The project declares no manifest of kind Retraining.",
        "Write one: see the how-to on retraining.",
    ),
    "RC640": Code(
        "Not a service that can be called",
        "The address names nothing that scores: no WebService, Endpoint or ClassicWebService, or one that is not "
        "there.",
        "Write WebService/NAME, Endpoint/NAME or ClassicWebService/NAME.",
    ),
    "RC641": Code(
        "Scoring input cannot be read",
        "The file is neither CSV with a header, nor JSON of rows or of a scoring request.",
        'Give a CSV file, a JSON list of objects, or `{"Inputs": {...}}`.',
    ),
    "RC642": Code(
        "No example request",
        "The definition of the service holds no example request.",
        "Give the rows with --input.",
    ),
    "RC643": Code(
        "Which port is not clear",
        "The service has several input or output ports, and the rows do not say for which they are.",
        "Give a request that names the ports, or --port.",
    ),
    "RC644": Code(
        "Answer that is no score",
        "The answer of the service has no `Results`.",
        "Check that the service scores (a training service only runs jobs).",
    ),
    "RC645": Code(
        "Rollout check failed",
        "A service scored outside of what `rollout.checks` allows, or could not be scored.",
        "Look at the model that it serves; `retrainctl rollback last` takes the run back.",
    ),
    "RC646": Code(
        "Cannot be written for Data Factory",
        "A name or value in the manifests has no form that Data Factory takes.",
        "See the message.",
    ),
    "RC650": Code(
        "No place for a model file",
        "A version names a local file, and nothing tells where its blob shall be: the slot serves nothing yet, and the "
        "environment names no storage account, or several.",
        "Name one account under `storage` of the environment, or give the version a `uri`.",
    ),
    "RC651": Code(
        "Unknown model or version",
        "No manifest declares a model of this name, or it has no such version.",
        "`retrainctl models list` shows what there is. Write MODEL@VERSION.",
    ),
    "RC652": Code(
        "Not the address of a blob",
        "The URI is not that of a blob in a storage account of this cloud, and no credential is sent anywhere else.",
        "Use https://ACCOUNT.blob.core.windows.net/CONTAINER/BLOB, or name the account's endpoint under `storage`.",
    ),
    "RC653": Code(
        "Blob not found",
        "The storage account answers that there is no such blob.",
        "Check the URI of the version. A blob that was deleted may be restored with soft delete.",
    ),
    "RC654": Code(
        "No access to the blob",
        "The storage account does not accept the key or token, or it does not allow this.",
        "Check the account's key, or ask for the role Storage Blob Data Reader (to upload: Contributor).",
    ),
    "RC655": Code(
        "Signature has expired",
        "The shared access signature (SAS) that the blob is reached with has ended.",
        "Make a new one, or use the account's key or azure-identity.",
    ),
    "RC656": Code(
        "Storage account cannot be reached",
        "There is no connection, or the service has trouble; calls that are safe to repeat were repeated.",
        "Check the account's name and the network, then run again.",
    ),
    "RC657": Code(
        "Another blob is there",
        "The blob exists with other bytes, or changed while it was read. A version's blob is never overwritten.",
        "Find out who wrote it. Give every trained model a blob of its own.",
    ),
    "RC658": Code(
        "Model file changed since the plan",
        "The local file that the plan wants to upload is gone or has other bytes than when the plan was made.",
        "Plan again and review the new plan.",
    ),
    "RC659": Code(
        "Blob has other bytes than declared",
        "The SHA-256 of the blob is not the one that the version declares, so it was replaced after it was recorded.",
        "Restore the blob, or record its content as a new version.",
    ),
    "RC660": Code(
        "Blob changed since it was recorded",
        "The ETag of the blob is not the one that the version declares; its bytes may be the same.",
        "Declare `sha256` too: then the bytes decide.",
    ),
    "RC661": Code(
        "Rows cannot be read",
        "The file is neither CSV with a header nor JSON rows.",
        "Give a CSV file, a JSON list of objects, or the body of a scoring request.",
    ),
    "RC662": Code(
        "Not a definition",
        "The file is not the definition JSON of a web service.",
        "Give a file that `retrainctl export` or the cmdlet wrote.",
    ),
    "RC663": Code(
        "Container not found",
        "The storage account has no such container.",
        "Create it: `az storage container create --name CONTAINER --account-name ACCOUNT`.",
    ),
    "RC664": Code(
        "Model too large to be read here",
        "The blob is larger than the limit for this command.",
        "Download it with `retrainctl models download` and look at the file.",
    ),
    "RC665": Code(
        "Signature ends soon",
        "The shared access signature (SAS) that the blob is reached with ends within a week.",
        "Make a new one in time, or use the account's key or azure-identity.",
    ),
    "RC666": Code(
        "Not a storage key",
        "The secret for the storage account is no key, no shared access signature and no connection string.",
        "Copy the key again (`az storage account keys list`): base64 text of 88 characters.",
    ),
    "RC668": Code(
        "Registered from other bytes",
        "The workspace has a model version of this name and number whose hash tag is another one.",
        "A registered version never changes: give the new bytes the next version number.",
    ),
    "RC669": Code(
        "Not seen as an MLflow model",
        "The service found no flavours in the files of a registered model: its MLmodel is missing or broken.",
        "Mend the files and register them as a new version.",
    ),
    "RC670": Code(
        "Model does not fit the service",
        "The model takes columns, or types of columns, that the definition's service does not give it.",
        "Take the model that the service uses now, or the definition that belongs to the model.",
    ),
    "RC667": Code("Blob is empty", "The blob has no bytes.", "Write the model again, as a new version."),
}
