from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from dynaclr.base.errors import ConfigError, RunError
from dynaclr.embedding.maps import map_file
from dynaclr.embedding.projection import Method, has_umap
from dynaclr.embedding.table import EmbeddingWriter, Space, read_embeddings
from dynaclr.runs.control.predicting import LOG, is_current, map_embedding, predict_run
from dynaclr.runs.control.verbs import run_verb
from dynaclr.runs.record.layout import RunFolder

posix = pytest.mark.skipif(os.name == "nt", reason="the programs are scripts")


def program(path: Path, text: str) -> str:
    path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def nothing(*_: object) -> None:
    return None


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "runs" / "one")
    folder.checkpoints.mkdir(parents=True)
    folder.best.write_bytes(b"weights")
    return folder


PREDICTS = """
assert sys.argv[1:4] == ["-m", "dynaclr", "predict"], sys.argv
out = sys.argv[sys.argv.index("--output") + 1]
folder = sys.argv[sys.argv.index("--from_run") + 1]
print("noise")
print("embedded batch 1 of 4")
print("embedded batch 3 of 4", flush=True)
time.sleep(0.5)
open(out, "w").write("table")
print(f"17 observations embedded with {folder}/checkpoints/best.ckpt: {out}")
"""


@posix
def test_a_run_is_embedded_and_its_progress_told(run: RunFolder, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    made = predict_run(run.path, lambda *now: told.append(now), program(tmp_path / "p", PREDICTS))
    assert (made.rows, made.checkpoint, made.best) == (17, run.best, True)
    assert made.path == run.path / "embedding.parquet"
    assert made.path.read_text() == "table"
    assert told[-1] == ("embedding", 3, 4)
    assert {path.name for path in run.path.iterdir()} == {"embedding.parquet", LOG, "checkpoints"}
    assert "noise" in (run.path / LOG).read_text()
    assert is_current(run)
    os.utime(run.best, ns=(2**62, 2**62))
    assert not is_current(run)


@posix
def test_what_a_prediction_says_of_its_failure_is_handed_on(run: RunFolder, tmp_path: Path) -> None:
    old = run.path / "embedding.parquet"
    old.write_text("old")
    fails = program(tmp_path / "p", "print('x'); sys.exit('dynaclr predict: no plate\\n  really')")
    with pytest.raises(RunError, match=r"^no plate\n  really$"):
        predict_run(run.path, nothing, fails)
    boom = program(tmp_path / "p", "[print(k) for k in range(50)]; raise ValueError('boom')")
    with pytest.raises(RunError, match=r"(?s)exit code 1.*predict\.txt|predict\.txt.*exit code 1") as caught:
        predict_run(run.path, nothing, boom)
    assert "ValueError: boom" in str(caught.value)
    with pytest.raises(RunError, match="without a result"):
        predict_run(run.path, nothing, program(tmp_path / "p", "pass"))
    with pytest.raises(RunError, match="cannot be started"):
        predict_run(run.path, nothing, str(tmp_path / "none"))
    assert old.read_text() == "old"
    run.best.unlink()
    with pytest.raises(RunError, match="no checkpoint"):
        predict_run(run.path, nothing)
    assert is_current(run)
    old.unlink()
    assert not is_current(run)


@posix
def test_what_is_not_wanted_any_more_is_ended_and_leaves_nothing(run: RunFolder, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = f"""
out = sys.argv[sys.argv.index("--output") + 1]
open(os.path.dirname(out) + "/." + os.path.basename(out) + ".partial", "w").write("half")
open({str(pid)!r}, "w").write(str(os.getpid()))
time.sleep(600)"""

    def tell(step: str, done: int, total: int) -> None:
        if pid.exists() and pid.read_text():
            raise KeyError

    with pytest.raises(KeyError):
        predict_run(run.path, tell, program(tmp_path / "p", code))
    assert not psutil.pid_exists(int(pid.read_text()))
    assert {path.name for path in run.path.iterdir()} == {LOG, "checkpoints"}


@posix
def test_a_deaf_verb_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dynaclr.runs.control import verbs

    monkeypatch.setattr(verbs, "_GRACE_SECONDS", 0.2)
    code = "import signal; signal.signal(15, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(600)"
    seen: list[str] = []

    def follow(lines: list[str]) -> None:
        seen.extend(lines)
        if seen:
            raise KeyError

    with pytest.raises(KeyError):
        run_verb("x", [], tmp_path / "log", follow, python=program(tmp_path / "p", code))
    assert not psutil.pid_exists(int(seen[0]))


def test_the_map_of_an_embedding_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "embedding.parquet"
    vectors = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    names = [{"experiment": "a", "fov_name": "A/1/0", "track_id": k, "t": 0} for k in range(40)]
    with EmbeddingWriter(path) as writer:
        writer.write(vectors, vectors[:, :3], names)
    table = read_embeddings(path)
    told: list[tuple[str, int, int]] = []
    places = map_embedding(path, table, Method.TSNE, Space.PROJECTIONS, lambda *now: told.append(now))
    assert places.shape == (40, 2)
    assert ("iterations", 1000, 1000) in told
    told.clear()
    again = map_embedding(path, table, Method.TSNE, Space.PROJECTIONS, lambda *now: told.append(now))
    assert np.array_equal(places, again)
    assert not told
    if not has_umap():
        with pytest.raises(ConfigError, match="pip install umap-learn"):
            map_embedding(path, table, Method.UMAP, Space.FEATURES, nothing)
    assert map_file(path, Method.TSNE, Space.PROJECTIONS).is_file()
    shutil.move(path, tmp_path / "moved.parquet")
    with pytest.raises(RunError, match=r"embedding\.parquet"):
        map_embedding(path, table, Method.TSNE, Space.FEATURES, nothing)
