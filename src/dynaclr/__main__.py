"""`python -m dynaclr`."""

from __future__ import annotations

import sys

from dynaclr.cli.verbs import main

if __name__ == "__main__":
    sys.exit(main())
