from __future__ import annotations

import sys
from pathlib import Path

# The tests are imported by path, so a module beside them is found only like this.
sys.path.insert(0, str(Path(__file__).parent))
