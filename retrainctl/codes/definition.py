"""Error codes of web service definitions, commitment plans and snapshots."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
    "RC200": Code(
        "A definition file cannot be read",
        "The file is not there, is a folder, or this user may not read it.",
        "Check the path and its permissions.",
    ),
    "RC201": Code(
        "A definition file is not JSON",
        "The text breaks the rules of JSON at the given line and column.",
        "Mend that place, or export the service again: `retrainctl export`.",
    ),
    "RC202": Code(
        "A definition file ends too early",
        "The file is empty or was cut off, for example by a full disk or an interrupted download.",
        "Export the service again: `retrainctl export`.",
    ),
    "RC203": Code(
        "A definition file is not text that JSON allows",
        "The bytes are not UTF-8 (or UTF-16 with its mark), or a character is half a pair.",
        "Save the file as UTF-8.",
    ),
    "RC204": Code(
        "A definition file is too large",
        "Definitions beyond 3 MB keep their payload in a blob; a file of this size is something else.",
        "Check that the path names a definition and not a data set or a log.",
    ),
    "RC205": Code(
        "A file is not a web service definition",
        "The JSON is a list, a manifest, an answer of a list call, another kind of resource, or something else.",
        "Export one service: `retrainctl export`, or Export-AzMlWebService.",
    ),
    "RC206": Code(
        "A member of a definition has the wrong type",
        "A member that Azure defines as an object, a list, a text, a number or a boolean holds something else.",
        "Change the member as the message says.",
    ),
    "RC207": Code(
        "A definition is not of package type Graph",
        "`packageType` names another type or is not spelled exactly so; the cmdlets would lose the package silently.",
        'Write `"packageType": "Graph"`.',
    ),
    "RC208": Code(
        "A definition gives one member twice",
        "Fixed member names may have any capitalisation, so `assets` and `Assets` are the same member.",
        "Keep one of the two.",
    ),
    "RC209": Code(
        "A file is not a commitment plan",
        "A commitment plan has `sku` and `location`.",
        "Name a file with one commitment plan, as GET shows it.",
    ),
    "RC210": Code(
        "A trained model slot does not exist",
        "No asset of the definition that holds a trained model has this exact name.",
        "Use one of the slots that the message lists.",
    ),
    "RC211": Code(
        "A trained model slot's name is not unique",
        "Several trained models of the definition have the same name.",
        "Name the asset too: `NAME (ASSET)`, as the message lists them.",
    ),
    "RC212": Code(
        "A service has no trained model slot",
        "It is a training service, or it was made without a saved trained model; there is nothing to point at a blob.",
        "Name the predictive service that was made from the training experiment.",
    ),
    "RC213": Code(
        "An encrypted value is not known",
        "Encrypted parameters can be copied from a definition of the same region only; there is none to copy from.",
        "Declare the definition that holds the value, or leave the parameter as it is.",
    ),
    "RC220": Code(
        "A snapshot cannot be read",
        "The path does not exist or holds no definition.",
        "Name a definition JSON file or a folder made by `retrainctl snapshot pull`.",
    ),
    "RC221": Code(
        "snapshot.json is not valid",
        "The file beside the definitions that says when and from where they were taken holds something else.",
        "Take the snapshot again: `retrainctl snapshot pull`.",
    ),
    "RC222": Code(
        "A definition does not say which service it is",
        "Its name fits several declared services.",
        "Name a snapshot folder that keeps definitions by resource group, or add `id` to the file.",
    ),
    "RC223": Code(
        "A snapshot contradicts itself",
        "Two files hold the same resource, or a file holds another resource than its name says.",
        "Remove the wrong file, or take the snapshot again: `retrainctl snapshot pull`.",
    ),
    "RC224": Code(
        "applied.json is not valid",
        "The record of what was last applied was changed by hand or cut off.",
        "Take the snapshot again: `retrainctl snapshot pull`.",
    ),
    "RC225": Code(
        "A snapshot is of another subscription",
        "It was taken from other resources than those of the environment.",
        "Select the environment with --env, or take a snapshot of this one.",
    ),
    "RC226": Code(
        "A snapshot changed while it was read",
        "Another process wrote to it during planning.",
        "Run the command again.",
    ),
    "RC227": Code(
        "Not a resource id of Azure Resource Manager",
        "The id must have exactly the eight segments of a resource of Microsoft.MachineLearning.",
        "Use the form /subscriptions/S/resourceGroups/RG/providers/Microsoft.MachineLearning/webServices/NAME.",
    ),
}
