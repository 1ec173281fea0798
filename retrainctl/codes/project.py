"""Error codes of the project file, the settings and the command line."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
    "RC001": Code("Internal error", "retrainctl met a state it does not know.", "Report it with the output of -vv."),
    "RC002": Code("Invalid input", "One or more files hold errors.", "Mend each listed finding and run again."),
    "RC003": Code("Wrong usage", "The command line cannot be carried out as given.", "See the command's --help."),
    "RC004": Code(
        "A file would be replaced",
        "`init`, `import` and `export` write new files and never replace one without being told.",
        "Choose another folder or file, or move the old one away.",
    ),
    "RC005": Code(
        "File cannot be read",
        "A file that the command line names is missing, is no regular file, or may not be read.",
        "Check the path and its permissions.",
    ),
    "RC006": Code(
        "Not a plan or a receipt",
        "The file is not JSON, or not in a format that this version of retrainctl reads.",
        "Give a file that `retrainctl plan --out FILE` or an apply wrote, or use a newer retrainctl.",
    ),
    "RC007": Code(
        "Output cannot be written",
        "The file or stream for the output cannot be written: no such folder, no permission, or no space.",
        "Check the path and the space on the disk, then run the command again.",
    ),
    "RC008": Code(
        "The system refused",
        "The operating system did not let retrainctl use a file, a folder or a connection.",
        "Check what the message names: its path, its permissions, and the space on the disk.",
    ),
    "RC009": Code(
        "Unknown error code",
        "There is no error code of this name in this version of retrainctl.",
        "`retrainctl explain --all` lists every code.",
    ),
    "RC010": Code(
        "No project file",
        "There is no retrainctl.yaml here or in a folder above, or it cannot be read.",
        "Change to the project's folder, name the file with --project, or run `retrainctl init`.",
    ),
    "RC012": Code(
        "Unknown environment",
        "The environment that --env or RETRAINCTL_ENV names is not declared under spec.environments of the project"
        " file. Without either, the environment is `local`.",
        "Name one of the declared environments, e.g. `retrainctl plan --env local`, or declare the new one:"
        " `local: {emulator: {}}`.",
    ),
    "RC013": Code(
        "Unknown variable",
        "--var or a variable RETRAINCTL_VAR_name sets something that neither the Project nor the environment declares.",
        "Declare it under spec.vars, or mend the name.",
    ),
    "RC014": Code(
        "Ambiguous value of a variable",
        "Values from outside are read as YAML scalars; this one is read differently by different YAML readers.",
        "Quote it for text (--var 'name=\"012\"'), or write it plainly (12).",
    ),
    "RC015": Code(
        "Emulator beside a real target",
        "An environment with `emulator` is every target at once, so it cannot say where the real ones are.",
        "Remove `emulator`, or move the other settings to an environment of their own.",
    ),
    "RC016": Code(
        "No Project document",
        "The project file holds no document of kind Project.",
        "Begin it with apiVersion: retrainctl/v1 and kind: Project; `retrainctl init` writes one.",
    ),
    "RC017": Code(
        "Target not configured",
        "A manifest needs a target that the environment does not say anything about.",
        "Add `arm`, `classic` or `azureml` to the environment, or `emulator: {}`.",
    ),
    "RC018": Code(
        "No list of web services",
        "The file of --from-list is not JSON, or holds no answer to a list call.",
        "Save the answer of the list call as it is, all pages; several files can be given.",
    ),
    "RC019": Code(
        "A promotion would move more than it should",
        "The value that `promote` would edit is also used by other resources or environments, or its place in the file"
        " does not hold what it should. The files are as they were.",
        "Promote without --only, or pin what shall move by itself with a variable of its own.",
    ),
}
