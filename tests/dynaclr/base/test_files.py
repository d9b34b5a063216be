"""Files are replaced whole or not at all, whatever fails and whoever else writes."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from dynaclr.base.files import write_bytes_atomically, write_json_atomically, write_text_atomically

POSIX = pytest.mark.skipif(os.name != "posix", reason="permission bits and limits are those of POSIX")


def run(code: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_new_content_replaces_the_old(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for content in (b"old", b"", b"new\r\n\xff"):
        write_bytes_atomically(path, content)
        assert path.read_bytes() == content
    write_text_atomically(path, "µ\n")
    assert path.read_bytes() == "µ\n".encode()
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def test_json_is_strict(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json_atomically(path, {"a": [1, None, "é"]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": [1, None, "é"]}
    with pytest.raises(ValueError, match="Out of range"):
        write_json_atomically(path, {"a": float("nan")})
    assert json.loads(path.read_text(encoding="utf-8"))["a"][0] == 1


@POSIX
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    code = """
        import resource, sys
        from pathlib import Path
        from dynaclr.base.files import write_bytes_atomically
        path = Path(sys.argv[1])
        write_bytes_atomically(path, b"old")
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        try:
            write_bytes_atomically(path, bytes(1_000_000))
        except OSError as error:
            print(error.errno)
    """
    assert run(code, tmp_path / "a.bin").strip() == str(errno.EFBIG)
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.bin"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_bytes_atomically(tmp_path / "no" / "a", b"")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            write_bytes_atomically(tmp_path / "a", b"new")
    finally:
        tmp_path.chmod(0o700)
    assert (tmp_path / "a").read_bytes() == b"old"


@POSIX
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_permissions_that_open_would_give(tmp_path: Path, umask: int) -> None:
    code = """
        import os, sys
        from pathlib import Path
        from dynaclr.base.files import write_bytes_atomically
        os.umask(int(sys.argv[2]))
        write_bytes_atomically(Path(sys.argv[1]), b"")
        print(oct(os.stat(sys.argv[1]).st_mode & 0o777))
    """
    assert run(code, tmp_path / "a", umask).strip() == oct(0o666 & ~umask)


@POSIX
def test_a_file_that_was_there_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    for mode in (0o600, 0o664):
        path.chmod(mode)
        write_bytes_atomically(path, b"new")
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_the_umask_of_the_process_is_never_touched(tmp_path: Path) -> None:
    called: list[str] = []
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, arg: called.append(arg.__name__) if event == "c_call" else None)
    try:
        write_bytes_atomically(tmp_path / "a", b"x")
    finally:
        sys.setprofile(before)
    assert "fsync" in called
    assert "umask" not in called


def test_many_writers_of_one_file_leave_one_whole_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    contents = [bytes([65 + number]) * 50_000 for number in range(8)]
    seen: list[bytes] = []

    def write(content: bytes) -> None:
        for _ in range(5):
            write_bytes_atomically(path, content)
            seen.append(path.read_bytes())

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) <= set(contents)
    assert [item.name for item in tmp_path.iterdir()] == ["a"]


def test_a_name_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    write_bytes_atomically(path, b"x")
    assert path.read_bytes() == b"x"
