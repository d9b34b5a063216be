"""watch: a run in a terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dynaclr.base.paths import absolute_path


def run(verb: str, arguments: Sequence[str]) -> int:
    """Show a run; return 0 whatever became of it."""
    parser = argparse.ArgumentParser(f"python -m dynaclr {verb}", description="Follow a run until it ends.")
    parser.add_argument("run", type=absolute_path, help="run folder")
    parser.add_argument("--once", action="store_true", help="print once and exit")
    parser.add_argument("--png", type=absolute_path, help="save the curves to this file at the end")
    options = parser.parse_args(arguments)

    from dynaclr.runs.record.watch import watch

    watch(options.run, sys.stdout, follow=not options.once, png=options.png)
    return 0
