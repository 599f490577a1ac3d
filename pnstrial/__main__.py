"""`python -m pnstrial` is the command `pnstrial`."""

import sys

from pnstrial.cli import main

if __name__ == "__main__":
    sys.exit(main())
