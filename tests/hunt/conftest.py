from __future__ import annotations

import sys
from pathlib import Path

# The tests are imported by path, so the modules with rows and rules are found only like this.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "content" / "exclusions")]
