"""Error codes of commands over the Studio API (RC940 to RC969)."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
    "RC940": Code(
        "No such experiment",
        "No experiment of the workspace has that id or that name.",
        "`retrainctl experiment list` shows what there is; names count letter by letter.",
    ),
    "RC941": Code(
        "Several of one name",
        "More than one item of the workspace has the name, so it does not say which is meant.",
        "Pass the id in place of the name.",
    ),
    "RC942": Code(
        "Saved, but under which id?",
        "The service saved the experiment, and neither its answer nor the list tells which one it is.",
        "Look with `retrainctl experiment list`, and go on with the id. Do not save it again: that makes another one.",
    ),
    "RC943": Code(
        "The run failed",
        "The experiment was started, and the service says that its run failed or was cancelled.",
        "The message names the nodes and their reasons. Mend them, and run the experiment again.",
    ),
    "RC944": Code(
        "The run goes on",
        "The experiment runs already, or was started and has not ended within the time that was to be waited.",
        "`retrainctl experiment get` shows its state. Pass a longer --time-limit, or --no-wait.",
    ),
    "RC945": Code(
        "No such node",
        "No node of the experiment's graph has that id or that comment.",
        "`retrainctl experiment nodes` lists them; comments count letter by letter.",
    ),
    "RC946": Code(
        "No such output port",
        "The node has no output port of that name; upper and lower case are the same.",
        "Take one of the ports that the message names.",
    ),
    "RC947": Code(
        "Nothing came out yet",
        "The port is there, but no run has left data, or a visualization of it, that could be downloaded.",
        "Run the experiment. Not every port has a visualization.",
    ),
    "RC948": Code(
        "Packing or unpacking failed",
        "The service took the request, and the activity that it started failed, was cancelled or did not end.",
        "Try again later. For an unpack, check that the package's signature is still good, and --region.",
    ),
    "RC949": Code(
        "Cannot be imported as it is",
        "The file is no exported experiment, lacks a secret that an export left out, or has none to write over.",
        "Take a file of `experiment export`; write missing secrets in; leave --overwrite out for a new experiment.",
    ),
    "RC950": Code(
        "No e-mail address",
        "What was given as the addresses to invite has some in it that are none.",
        "Write name@example.com, several with blanks or commas between.",
    ),
    "RC951": Code(
        "Not everybody was invited",
        "The service took the invitation, and says that it failed for some of the addresses.",
        "The message has the service's reason for each. `retrainctl workspace users` shows who was invited.",
    ),
    "RC953": Code(
        "No later version to be had",
        "The experiment uses assets or modules whose families the workspace does not have, so nothing was changed.",
        "The message names each node. Put another asset in its place (`experiment replace-asset`), or update the "
        "others one by one (`--asset`, `--module`).",
    ),
    "RC954": Code(
        "Not used in the experiment",
        "No node of the experiment's graph uses what shall be replaced or updated.",
        "The message says what the graph uses. Check the name, the type and the experiment.",
    ),
    "RC955": Code(
        "The name is taken",
        "A dataset, trained model or transform of that name is there already, and nobody said to make a new version.",
        "Pass --overwrite for a new version of it, or choose another --name. Older versions stay where they are used.",
    ),
    "RC956": Code(
        "No such asset",
        "No dataset, trained model, transform or custom module of the workspace has that id, family id or name.",
        "The `list` of the same command shows what there is; a name is found whatever its case.",
    ),
    "RC957": Code(
        "Nothing to upload",
        "The file is empty, and the service makes nothing of an empty upload.",
        "Check that the file was written to its end, and that this is the one that is meant.",
    ),
    "RC958": Code(
        "The schema was not made",
        "The data is in the workspace as a dataset, but the service could not read it in its format.",
        "Check that it is what --format says (header, separator, rows of one length), then upload it again with"
        " --overwrite, or remove the dataset.",
    ),
    "RC959": Code(
        "The schema is not there yet",
        "The data is in the workspace as a dataset; the service has not finished looking at it within an hour.",
        "Look again later with `retrainctl dataset list --query [].[Name,SchemaStatus]`; do not upload it again.",
    ),
    "RC960": Code(
        "Made, but under which id?",
        "The service made the asset, and neither its answer nor the list tells which one it is.",
        "Look with the `list` of the same command, and go on with the id. Do not make it again.",
    ),
    "RC962": Code(
        "Not a custom module",
        "The file is no zip, or it has no definition (.xml) of a module with a name; the service would refuse it.",
        "Zip the definition together with the script that it names, without a folder around them.",
    ),
    "RC963": Code(
        "The module was not built",
        "The service took the file and could not make a custom module of it, or did not end within an hour.",
        "The message has the service's reason. Mend the definition or the script, and run again.",
    ),
    "RC964": Code(
        "The file changed meanwhile",
        "While it was uploaded, the file became shorter or longer; what was sent is not one state of it.",
        "Run again when nobody writes to it. Nothing was made of what was sent.",
    ),
    "RC965": Code(
        "No data to download",
        "The service names no place for the data of this dataset.",
        "It may have been saved without data, or its data is gone. `retrainctl dataset list` shows its size.",
    ),
}
