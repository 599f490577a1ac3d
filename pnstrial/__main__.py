"""`python -m pnstrial` is the command `pnstrial`."""

import sys

from pnstrial.cli import main

sys.exit(main())
