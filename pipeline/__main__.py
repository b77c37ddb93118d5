"""dataset-pipeline and python -m pipeline: a sub-command at once, else a run with all it needs."""

import sys

from pipeline import commands


def main() -> int:
    """Run the command line; return the exit code."""
    words = sys.argv[1:]
    if commands.is_command(words):
        return commands.run(words)
    from pipeline import cli  # its settings import every stage: 0.3 s

    return cli.main(words)


if __name__ == "__main__":
    sys.exit(main())
