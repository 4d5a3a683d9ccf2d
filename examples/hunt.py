"""`make hunt`: the example fleet, from its exports to findings, with the commands that a user would type.

The case is kept in `case/`; a second run adds nothing, and says what is new since the first (nothing). `make clean` forgets it.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples" / "fleet"))

from lurcher.cli import main  # noqa: E402

RULE = "content/rmm/ninjarmm-file-signature.yaml"
DEVICE = "ws-022.corp.example"


def say(text: str) -> None:
    print(text, flush=True)


def run(command: str) -> None:
    """Show a command and run it; stop where it fails."""
    say(f"\n$ lurcher {command}")
    code = main(shlex.split(command))
    # `check` ends with 1 where it has something to say: that is what it is asked for here.
    if code not in (0, 1):
        sys.exit(code)


def hunt() -> None:
    os.chdir(ROOT)
    case = Path("case")
    fleet = case / "fleet"
    say(
        "The example fleet: 40 made-up devices, 30 days of Defender telemetry (examples/fleet/README.md; all of it synthetic)."
    )
    if not (fleet / "done").exists():
        from make import make

        make(fleet)
        (fleet / "done").touch()
    if not (case / "lake.toml").exists():
        run("init case")
    os.environ["LURCHER_LAKE"] = "case"
    run("add case/fleet/exports")
    run(f"collect signatures case/fleet/files --device {DEVICE} --at latest")
    run(f"check {RULE} --as-of latest --no-notes")
    run(f"hunt {RULE} --as-of latest")
    say(
        "\nHow to go on:\n"
        "  export LURCHER_LAKE=case; . .venv/bin/activate\n"
        "  lurcher findings                                     # what the ledger holds\n"
        "  lurcher findings --suppressed                        # what exclusions explained, and how\n"
        "  lurcher hunt content/rmm --as-of latest              # the rule that knows today's signer as well\n"
        "  lurcher query --as-of latest 'DeviceProcessEvents | where FileName startswith \"ninja\" | count'\n"
        "  lurcher add YOUR-EXPORT.csv                          # your own data: lurcher init CASE first"
    )


if __name__ == "__main__":
    hunt()
