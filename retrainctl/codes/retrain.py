"""Error codes of this area."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
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
    "RC667": Code("Blob is empty", "The blob has no bytes.", "Write the model again, as a new version."),
}
