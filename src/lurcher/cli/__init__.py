"""The command line: one file a command (`commands/`), no logic of its own.

A command module declares one click command named `command`; its file name is its name. Modules are imported when they are
called (and for the list of `--help`), and they import the rest of the house inside the function, so that help is instant.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence

import click

from lurcher import __version__
from lurcher.cli import commands

EXIT_REFUSED = 2
EXIT_INTERRUPTED = 130


class Commands(click.Group):
    """The commands are the modules of `lurcher.cli.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(m.name for m in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"lurcher.cli.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in (names := self.list_commands(ctx)):
            import difflib

            near = difflib.get_close_matches(args[0], names, 1)
            hint = f" (did you mean {near[0]}?)" if near else f" (there are: {', '.join(names)})"
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lurcher")
def cli() -> None:
    """Hunt intruders with Microsoft Sentinel and Defender content (KQL) on whatever telemetry there is.

    A case starts with: lurcher init CASE; lurcher add EXPORT...; lurcher hunt RULE
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code. Whatever goes wrong is told in a sentence, never as a traceback.

    `LURCHER_TRACEBACK=1` shows where an unforeseen error came from, for those who mend it.
    """
    if argv is None:
        # A process of our own. What a command imports and declares lives as long as it does: looking through it for garbage
        # every 700 objects is a quarter of the time to the first row.
        gc.set_threshold(100_000, 20, 20)
    code = _run(argv)
    background = sys.modules.get("lurcher.engines.background")
    if argv is None and background is not None and background.abandoned():
        # A query that could not be interrupted is still at work, and must not keep the command from ending.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    spark = sys.modules.get("lurcher.engines.spark.connect")
    if argv is None and spark is not None and spark.close_all():
        # Nor must threads of Spark's client that its end has not reached.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _run(argv: Sequence[str] | None) -> int:
    from lurcher.errors import LurcherError

    try:
        result = cli.main(args=list(argv) if argv is not None else None, prog_name="lurcher", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as e:
        return e.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return EXIT_INTERRUPTED
    except click.ClickException as e:
        e.show()
        return EXIT_REFUSED
    except LurcherError as e:
        click.echo(f"error: {e}", err=True)
        return EXIT_REFUSED
    except BrokenPipeError:
        # The reader (`| head`) has gone; what it did not want to read is no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as e:  # noqa: BLE001 - the last line of defence: a user sees a sentence
        return _unforeseen(e)


def _unforeseen(error: Exception) -> int:
    from lurcher.kql.diagnostics import Refused

    if isinstance(error, Refused):
        click.echo(str(error), err=True)
        return EXIT_REFUSED
    if os.environ.get("LURCHER_TRACEBACK"):
        raise error
    click.echo(
        f"error: unforeseen {type(error).__name__}: {error}\n"
        "  hint: this is a defect of lurcher; run again with LURCHER_TRACEBACK=1 and report what it prints",
        err=True,
    )
    return 70
