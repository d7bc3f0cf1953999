"""The command line: encode, export, train, predict, bench, report, encoders; each in a file of ``img_repr/commands``.

Each command imports what it needs when it is called, so that ``--help`` answers at once.
"""

import typer

from img_repr.commands.bench import bench, report
from img_repr.commands.encode import encode, export
from img_repr.commands.encoders import encoders
from img_repr.commands.predict import predict
from img_repr.commands.train import train
from img_repr.console import in_plain_words

app = typer.Typer(
    name="img-repr",
    help="Turn data that are not pictures into pictures, fine-tune one CNN on them, and learn whether it was worth it.",
    epilog="Begin with: img-repr bench gunpoint",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (encode, export, train, predict, report, encoders):
    app.command()(command)
app.add_typer(bench, name="bench")


def main() -> None:
    """Run the command line; what a user can mend is one sentence and exit code 2."""
    with in_plain_words():
        app()


if __name__ == "__main__":
    main()
