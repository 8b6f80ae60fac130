"""The command line: `diffmem --help`. A command loads the library only when it runs."""

import re
import sys
from typing import Annotated

import typer

from .. import __version__
from .audit import audit
from .collapse import collapse
from .compilation_cache import keep_compiled
from .explain import explain
from .explore import explore
from .output import Stopped, in_words, note, prepare_streams
from .papers import papers

__all__ = ["main"]

USAGE_ERROR = typer.BadParameter.__mro__[2]  # the base class of errors about arguments, which typer does not export
BAD_INPUT, INTERRUPTED = 2, 130

app = typer.Typer(
    name="diffmem",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command()(collapse)
app.command()(explain)
app.command()(explore)
app.command()(audit)
app.add_typer(papers, name="papers")


def _version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"diffmem {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _about(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """When does a diffusion model copy its training data? Exact scores, one integrator, theory beside experiment.

    Compiled functions are kept in the user's cache folder for the next run; DIFFMEM_COMPILATION_CACHE names another
    folder, or 0 for none. Colours are shown on a terminal only, and not with NO_COLOR.

    \b
    Examples:
      diffmem collapse --help
      diffmem collapse
      diffmem audit samples.npy --train train.npy --test unseen.npy
      diffmem explain photos/ --below 0.1
      diffmem papers list
      diffmem papers run baptista2025
      diffmem --install-completion
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0, 2 with one sentence where it cannot do what is asked, 130 when interrupted."""
    prepare_streams()
    keep_compiled()
    try:
        code = app(args=arguments, prog_name="diffmem", standalone_mode=False)
    except USAGE_ERROR as error:  # pyright: ignore[reportGeneralTypeIssues]
        _fail(error.format_message())
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    except (OSError, MemoryError, RuntimeError) as error:
        message = str(error) if isinstance(error, Stopped) else in_words(error)
        if message is None:
            raise
        _fail(message)
    except (ValueError, ImportError) as error:
        _fail(str(error))
    sys.exit(code or 0)


def _fail(message: str) -> None:
    if message:  # empty where the help has been shown instead
        sentence = re.sub(r"[ \n]+", " ", message.strip()).rstrip(".")
        note(f"diffmem: {sentence}{'' if sentence.endswith('?') else '.'}")
    sys.exit(BAD_INPUT)
