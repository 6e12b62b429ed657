"""The command line: one thin module per command, loaded only when it is called."""

import gc
import importlib
import sys

import click

from ndoki.core.errors import NdokiError

__all__ = ["main"]

BAD_INPUT, STOPPED = 2, 130

_COMMANDS = {
    "plan": ("ndoki.cli.plan", "plan", "Say what a run will take, before it is begun."),
    "detect": ("ndoki.cli.detect", "detect", "Find gunshots in recordings."),
    "merge": ("ndoki.cli.merge", "merge", "Join the parts of a run."),
    "status": ("ndoki.cli.status", "status", "Say how far a run of detect is."),
    "inspect": (
        "ndoki.cli.inspect",
        "inspect",
        "Say what recordings are, when they were made, and how good they are.",
    ),
    "demo": ("ndoki.cli.demo", "demo", "Make a recording with simulated shots and find them."),
    "simulate": ("ndoki.cli.simulate", "simulate", "Write recordings with simulated shots and their truth."),
    "evaluate": ("ndoki.cli.evaluate", "evaluate", "Count shots found and false alarms against the truth."),
    "templates": ("ndoki.cli.templates", "templates", "Make a detector from your own examples of shots."),
    "mine": ("ndoki.cli.mine", "mine", "Learn from false alarms in shot-free sound."),
    "refine": ("ndoki.cli.refine", "refine", "Place shots exactly, from labels that are not."),
    "verifier": ("ndoki.cli.verifier", "verifier", "Fit a second opinion to a network."),
    "gate": ("ndoki.cli.gate", "gate", "Fit a gate to a network, which makes it fast."),
    "train": ("ndoki.cli.train", "train", "Train a detector from a recipe."),
}


class _LazyGroup(click.Group):
    """Knows its commands by name, and imports one only when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, name, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, _, short) in _COMMANDS.items()])


def _show_version(context: click.Context, _option: click.Parameter, is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        click.echo(f"ndoki {version('ndoki')}")
        context.exit()


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
def _ndoki() -> None:
    """Find every gunshot in days and years of forest sound.

    Start with:  ndoki detect FOLDER --out RESULTS
    """


def main() -> None:
    """Run the command line. Exit codes: 0 fine, 2 bad input, 3 some files failed, 130 stopped by Ctrl-C."""
    try:
        # Click's own ending would turn Ctrl-C into the code 1.
        code = _ndoki(prog_name="ndoki", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("ndoki: stopped; nothing more is written", err=True)
        sys.exit(STOPPED)
    except NdokiError as error:
        click.echo(f"ndoki: {error}", err=True)
        sys.exit(BAD_INPUT)
    # Python would search all that is loaded for garbage on the way out: a tenth of a second.
    gc.freeze()
    sys.exit(code or 0)
