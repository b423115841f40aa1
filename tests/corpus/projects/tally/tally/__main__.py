"""The command line of tally."""

import argparse
import sys

from . import report
from .words import Tally


def parser():
    """What the program takes."""
    found = argparse.ArgumentParser(prog="tally", description="Count the words of text files.")
    found.add_argument("files", nargs="*", help="text files; standard input without any")
    found.add_argument("--most", type=int, default=10, metavar="N", help="how many words to print")
    found.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return found


def main(arguments=None):
    """Run the program; the exit code is 1 where a file cannot be read."""
    asked = parser().parse_args(arguments)
    tally = Tally()
    for name in asked.files or ["-"]:
        try:
            with sys.stdin if name == "-" else open(name, encoding="utf-8") as lines:
                tally.feed(lines)
        except OSError as error:
            print(f"tally: {name}: {error.strerror}", file=sys.stderr)
            return 1
    lines = [report.as_json(tally, asked.most)] if asked.json else report.table(tally, asked.most)
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
