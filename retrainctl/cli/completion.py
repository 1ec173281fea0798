"""`retrainctl completion SHELL`: the script that completes commands, options and names in a shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Final

import typer

from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.errors import UsageError

_WORDS: Final = "words"

_BASH: Final = """\
# retrainctl: completion for bash. Put this line into ~/.bashrc:
#   eval "$(retrainctl completion bash)"
_retrainctl_complete() {
    local typed="${COMP_LINE:0:COMP_POINT}" current="${COMP_WORDS[COMP_CWORD]}" word cut line
    word="${typed##*[[:space:]]}"
    # Bash breaks words at @, : and =: what stands before the break is on the line already.
    case "$current" in
        [@:=]) cut="$word" ;;
        *) cut="${word%"$current"}" ;;
    esac
    COMPREPLY=()
    while IFS= read -r line; do
        line="${line%%$'\\t'*}"
        # Inside of an open quote nothing else needs one.
        case "$current" in
            [\\'\\"]*) COMPREPLY+=("$line") ;;
            *) COMPREPLY+=("$(printf '%q' "${line#"$cut"}")") ;;
        esac
    done < <(command retrainctl completion words --line "$typed" 2>/dev/null)
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace
    return 0
}
complete -o default -F _retrainctl_complete retrainctl
"""

_ZSH: Final = """\
#compdef retrainctl
# retrainctl: completion for zsh. Put this line into ~/.zshrc, after compinit:
#   eval "$(retrainctl completion zsh)"
_retrainctl_complete() {
    local -a found
    local line value
    while IFS= read -r line; do
        value="${line%%$'\\t'*}"
        value="${value//:/\\\\:}"
        if [[ "$line" == *$'\\t'?* ]]; then found+=("$value:${line#*$'\\t'}"); else found+=("$value"); fi
    done < <(command retrainctl completion words -- "${(Q)words[@]:1:$((CURRENT - 1))}" 2>/dev/null)
    if (( ${#found} )); then _describe 'retrainctl' found; else _files; fi
}
compdef _retrainctl_complete retrainctl
"""

_FISH: Final = """\
# retrainctl: completion for fish. Write it where fish finds it:
#   retrainctl completion fish > ~/.config/fish/completions/retrainctl.fish
function __retrainctl_complete
    set -l typed (commandline -opc)
    command retrainctl completion words -- $typed[2..-1] (commandline -ct) 2>/dev/null
end
complete -c retrainctl -a '(__retrainctl_complete)'
"""

_POWERSHELL: Final = """\
# retrainctl: completion for PowerShell. Put this line into your $PROFILE:
#   retrainctl completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName retrainctl -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $length = $cursorPosition - $commandAst.Extent.StartOffset
    $line = $commandAst.ToString().PadRight($length).Substring(0, $length)
    retrainctl completion words --line $line 2>$null | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        $text = if ($value -match "[\\s@']") { "'" + $value.Replace("'", "''") + "'" } else { $value }
        $tip = if ($help) { $help } else { $value }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $tip)
    }
}
"""

SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH, "powershell": _POWERSHELL}


def command(
    context: typer.Context,
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh, fish or powershell.")],
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORD]...", help="Only for the scripts.")] = None,
    line: Annotated[str | None, typer.Option("--line", hidden=True, help="The line up to the cursor.")] = None,
) -> int:
    """Print the completion script of a shell: commands, options, names.

    Names are those of the project, of its ledger on disk, and of what is live
    in an emulator that runs or a Classic workspace whose token is at hand; no
    key press starts the emulator or signs in.

    \b
    Examples:
      eval "$(retrainctl completion bash)"        # in ~/.bashrc
      eval "$(retrainctl completion zsh)"         # in ~/.zshrc, after compinit
      retrainctl completion fish > ~/.config/fish/completions/retrainctl.fish
      retrainctl completion powershell | Out-String | Invoke-Expression

    Exit codes: 0 done; 64 unknown shell.
    """
    console = Console.of(context)
    if shell == _WORDS:
        typed = _split(line) if line is not None else list(words or ())
        _tell(console, typed)
        return Exit.DONE
    name = {"pwsh": "powershell"}.get(shell.lower(), shell.lower())
    if name not in SCRIPTS:
        raise UsageError(f"there is no completion for {shell}", hint=f"There is {', '.join(SCRIPTS)}.")
    console.result(SCRIPTS[name].rstrip("\n"))
    return Exit.DONE


def _tell(console: Console, typed: Sequence[str]) -> None:
    """One candidate a line, with a tab before what is said of it."""
    from retrainctl.cli.completers import candidates
    from retrainctl.render.escape import visible

    found = candidates(typed, console.environ)
    if found:
        console.result("\n".join(f"{visible(one.value)}\t{visible(one.help)}".rstrip("\t") for one in found))


def _split(line: str) -> list[str]:
    """The words of a line up to the cursor, without the program's name; the last one may be empty."""
    text = line if line[-1:].isspace() else f"{line}\x00"
    words: list[str] = []
    for closing in ("", "'", '"'):  # a quote may still be open
        with suppress(ValueError):
            words = shlex.split(text + closing)
            break
    if line[-1:].isspace():
        words.append("\x00")
    return [word.replace("\x00", "") for word in words[1:]]
