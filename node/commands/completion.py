"""`completion`: a script with which bash, zsh or fish completes what is typed after `wetalk`.

Rules: the script names this very program, so that it works from a folder that is not on the path;
what is installed goes into the user's own folders, is told before and can be deleted.
"""

import os
import shlex
from pathlib import Path
from typing import Final

import click
from click.shell_completion import get_completion_class

from node.commands.base import App, argument, asks_possible, command, option
from node.protocol.errors import LocalFault

SHELLS: Final = ("bash", "zsh", "fish")
VARIABLE: Final = "_WETALK_COMPLETE"
NAME: Final = "wetalk"
BASH_LOADER: Final = Path("/usr/share/bash-completion/bash_completion")
ZSH_GUARD: Final = f"    (( ! $+commands[{NAME}] )) && return 1\n"


@command(
    "completion",
    "wetalk completion bash --install",
    argument("shell", metavar="SHELL", type=click.Choice(SHELLS)),
    option("--install", "installed", is_flag=True, about="install_completion"),
)
def completion(app: App, shell: str, installed: bool) -> None:
    written = script(shell)
    if not installed:
        app.result({"shell": shell, "script": written})
        app.line(written.rstrip("\n"))
        return
    path = place(shell)
    app.say("completion.writes", path=str(path))
    if not app.json and asks_possible():
        click.confirm(app.text("completion.sure"), default=True, abort=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written, encoding="utf-8")
    except OSError as problem:
        raise LocalFault("file-not-writable", str(problem), path=str(path)) from None
    app.result({"shell": shell, "file": str(path)})
    if shell == "zsh" or (shell == "bash" and not BASH_LOADER.exists()):
        app.say("completion.by_hand", line=f"source {shlex.quote(str(path))}", file=f"~/.{shell}rc")
    app.say("completion.written")


def script(shell: str) -> str:
    """The script of a shell, calling this program wherever it lies."""
    from node.commands.boot import program

    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(click.Command(NAME), {}, NAME, VARIABLE)
    written = (made.source_template % made.source_vars()).replace(ZSH_GUARD, "")
    calls = {"bash": "=bash_complete $1)", "zsh": f"=zsh_complete {NAME})", "fish": f" {NAME});"}
    call = calls[shell]
    assert written.count(call) == 1, "click's scripts have changed"
    named = call.replace("$1", NAME).replace(NAME, shlex.join(program()))
    return written.replace(call, named)


def place(shell: str) -> Path:
    """Where a user's own completions lie."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {
        "bash": data / "bash-completion" / "completions" / NAME,
        "zsh": data / "zsh" / "site-functions" / f"_{NAME}",
        "fish": config / "fish" / "completions" / f"{NAME}.fish",
    }[shell]


COMMANDS: Final = {"completion": completion}
