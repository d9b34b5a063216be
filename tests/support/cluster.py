"""Programs on PATH that stand in for those of a cluster, for all tests of jobs."""

from __future__ import annotations

from pathlib import Path


class FakeCluster:
    """Scripts in a folder; each notes its arguments in a file beside it."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        programs.mkdir()

    def put(self, **scripts: str) -> Path:
        for name, body in scripts.items():
            file = self.programs / name
            file.write_text(f'#!/bin/bash\necho "$*" >> {self.programs}/{name}.calls\n{body}\n')
            file.chmod(0o755)
        return self.programs

    def calls(self, name: str) -> list[str]:
        return calls(self.programs, name)


def calls(programs: Path, name: str) -> list[str]:
    file = programs / f"{name}.calls"
    return file.read_text().splitlines() if file.exists() else []
