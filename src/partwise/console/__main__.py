"""`python -m partwise.console`: the console without the rest of the command line."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from partwise.console.auth import SignInError
from partwise.console.serve import ConsoleError, add_annotator, serve
from partwise.oversight.feedback import FeedbackError


def main() -> int:
    """Serve, or add an annotator; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m partwise.console")
    parser.add_argument("--store", default="runs/feedback.db")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8321)
    parser.add_argument("--token")
    parser.add_argument("--allow-host", action="append", default=[])
    parser.add_argument("--add-annotator", metavar="NAME")
    given = parser.parse_args()
    try:
        if given.add_annotator:
            name = add_annotator(given.store, given.add_annotator, getpass.getpass("Password: "))
            print(f"{name} can sign in.")
        else:
            serve(
                given.store,
                given.runs,
                host=given.host,
                port=given.port,
                token=given.token,
                allow_hosts=given.allow_host,
                say=lambda line: print(line, flush=True),
            )
    except (ConsoleError, FeedbackError, SignInError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
