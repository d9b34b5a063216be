"""Start-up: `import dynaclr` and `--help` without torch, `fit --help` against `import lightning.pytorch`."""

from __future__ import annotations

import subprocess
import sys

from runner import compare, finish


def run(*arguments: str) -> str:
    """Run Python in a fresh process; return what it printed."""
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True).stdout


def main() -> None:
    loaded = run("-c", "import dynaclr, sys; print([m for m in ('torch', 'pandas') if m in sys.modules])")
    assert loaded.strip() == "[]", loaded
    empty = ("-c", "pass")
    torch = ("-c", "import torch")
    lightning = ("-c", "import lightning.pytorch")
    finish(
        [
            compare("import dynaclr", lambda: run("-c", "import dynaclr"), lambda: run(*empty), limit=4),
            compare(
                "dynaclr --help, against import torch",
                lambda: run("-m", "dynaclr", "--help"),
                lambda: run(*torch),
                limit=0.5,
            ),
            compare(
                "import dynaclr.loss, against import torch",
                lambda: run("-c", "import dynaclr.loss"),
                lambda: run(*torch),
                limit=1.3,
                pairs=3,
            ),
            compare(
                "fit --help, against import lightning.pytorch",
                lambda: run("-m", "dynaclr", "fit", "--help"),
                lambda: run(*lightning),
                limit=1.5,
                pairs=3,
            ),
        ]
    )


if __name__ == "__main__":
    main()
