"""`python -m lurcher`."""

import sys

from lurcher.cli import main

sys.exit(main())
