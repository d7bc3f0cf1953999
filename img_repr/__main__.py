"""The command line: ``main`` runs the commands of ``img_repr/commands``.

Nothing is imported before errors are handled, so that Ctrl-C during an import ends in a sentence too.
"""

import sys


def main() -> None:
    """Run the command line; every error is one sentence on stderr and exit code 2."""
    try:
        from img_repr.commands.guard import in_plain_words
    except KeyboardInterrupt:
        sys.exit(130)
    with_traceback = "--traceback" in sys.argv[1:]
    with in_plain_words(with_traceback=with_traceback):
        from img_repr.commands.app import app

        words = [word for word in sys.argv[1:] if word != "--traceback"]
        code = app(words, prog_name="img-repr", standalone_mode=False)
    if code:  # of --help, --version and Ctrl-C
        sys.exit(code)


if __name__ == "__main__":
    main()
