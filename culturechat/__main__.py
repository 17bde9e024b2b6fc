"""The way in: `culturechat`, and `python -m culturechat`. Imports nothing before Ctrl-C is taken care of."""

import sys
from typing import NoReturn

INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line; Ctrl-C ends it without a traceback, even while it is still being loaded."""
    try:
        from culturechat.cli import main

        main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
