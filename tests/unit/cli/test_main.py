"""The command line as a whole: what it lists, what it loads, how it ends."""

import sys
from importlib.metadata import version

import click
import pytest

from ndoki.cli import main as module
from ndoki.cli.main import main
from ndoki.core.errors import (
    AudioError,
    ClockError,
    ConfigError,
    LabelError,
    ModelError,
    OutputError,
    TableError,
)

COMMANDS = tuple(module._COMMANDS)


@pytest.fixture
def ndoki(monkeypatch, capsys):
    """Run a command line; give back its exit code and what it printed."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ndoki", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture
def command(monkeypatch):
    """Let ``ndoki demo`` end in any way."""

    def replaced(ending):
        @click.command()
        def demo():
            ending()

        monkeypatch.setattr("ndoki.cli.demo.demo", demo)

    return replaced


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_command(ndoki, flag):
    code, out, _ = ndoki(flag)
    assert code == 0
    for name, (_, _, short) in module._COMMANDS.items():
        assert f"  {name} " in out
        assert short.split(",")[0] in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_has_help(ndoki, name):
    code, out, _ = ndoki(name, "--help")
    assert code == 0
    assert f"Usage: ndoki {name}" in out


def test_the_version_is_the_packages(ndoki):
    assert ndoki("--version") == (0, f"ndoki {version('ndoki')}\n", "")


def test_an_unknown_command_is_refused(ndoki):
    code, _, err = ndoki("detekt")
    assert code == 2
    assert "No such command 'detekt'" in err


def test_no_command_shows_the_help(ndoki):
    code, out, err = ndoki()
    assert code in (0, 2)
    assert "Commands:" in out + err


@pytest.mark.parametrize(
    "kind", [AudioError, ClockError, ConfigError, LabelError, ModelError, OutputError, TableError]
)
def test_what_is_raised_on_purpose_ends_in_one_sentence_and_2(ndoki, command, kind):
    def ending():
        raise kind("x.wav: it is no sound; give a sound")

    command(ending)
    assert ndoki("demo") == (2, "", "ndoki: x.wav: it is no sound; give a sound\n")


def test_ctrl_c_ends_with_130(ndoki, command):
    def ending():
        raise KeyboardInterrupt

    command(ending)
    code, out, err = ndoki("demo")
    assert (code, out) == (130, "")
    assert err.strip() == "ndoki: stopped; nothing more is written"


def test_a_command_chooses_its_own_code(ndoki, command):
    command(lambda: click.get_current_context().exit(3))
    assert ndoki("demo")[0] == 3


def test_a_message_for_the_user_keeps_its_code(ndoki, command):
    def ending():
        raise click.ClickException("torch is missing")

    command(ending)
    assert ndoki("demo") == (1, "", "Error: torch is missing\n")
