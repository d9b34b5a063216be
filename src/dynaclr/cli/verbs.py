"""The verbs of `python -m dynaclr`: finds one and loads only what it needs."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from dynaclr.base.errors import DynaclrError, suggest
from dynaclr.runs.process.alarms import Alarms, Interrupted

_VERBS = {
    "fit": ("train an encoder; --run.resume FOLDER resumes a run", "training"),
    "estimate": ("measure time and memory of a few steps; writes no run folder", "estimating"),
    "validate": ("compute the loss on the validation pairs", "training"),
    "predict": ("embed every observation into a parquet file", "training"),
    "map": ("compute a 2-D map of an embedding with t-SNE or UMAP", "mapping"),
    "preprocess": ("compute and store pixel statistics for normalization", "data"),
    "inspect": ("report setup and batch statistics without training", "data"),
    "convert": ("convert recordings of other formats to plates and tracks", "converting"),
    "export": ("write tracks and annotations after curation as CSV, GEFF or CTC", "exporting"),
    "init": ("write an experiments.yaml for plates that are there", "converting"),
    "watch": ("follow a run in a terminal", "watching"),
    "demo": ("generate synthetic cells, train on them and plot the embedding", "demo"),
}
_CONFIGURED = ("fit", "estimate", "validate", "predict", "inspect")
"""Verbs whose configuration names classes."""


def _help() -> str:
    lines = ["usage: python -m dynaclr VERB [options]", "", "verbs:"]
    lines += [f"  {verb:<12}{text}" for verb, (text, _) in _VERBS.items()]
    lines += ["", "python -m dynaclr VERB --help describes a verb."]
    trust = (
        "--trust-config allows classes of any package in a configuration, which can then run arbitrary code."
    )
    return "\n".join([*lines, trust])


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb; return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(_help() + "\n")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from dynaclr import __version__

        sys.stdout.write(f"napari-dynaclr {__version__}\n")
        return 0
    verb = arguments[0]
    if verb not in _VERBS:
        sys.stderr.write(f"dynaclr: no verb '{verb}'.{suggest(verb, _VERBS)}\n\n{_help()}\n")
        return 2
    alarms = Alarms(grace_seconds=10.0)
    try:
        with alarms:
            rest = arguments[1:]
            if _VERBS[verb][1] in ("training", "estimating") and {"-h", "--help"} & set(rest):
                if rest[-1] != "all":
                    sys.stdout.write(Path(__file__).with_name("help.txt").read_text(encoding="utf-8"))
                    return 0
                rest.remove("all")
            if verb in _CONFIGURED:
                from dynaclr.cli.trusting import known_classes_only

                rest = known_classes_only(rest)
            module = importlib.import_module(f"dynaclr.cli.{_VERBS[verb][1]}")
            return int(module.run(verb, rest))
    except DynaclrError as error:
        sys.stderr.write(f"dynaclr {verb}: {error}\n")
        return 2
    except Interrupted as error:
        return _ended(verb, error.number)
    except SystemExit:
        if alarms.received is None:  # usage or help of a verb; else what Lightning makes of an interruption
            raise
        return _ended(verb, alarms.received)


def _ended(verb: str, number: signal.Signals) -> int:
    sys.stderr.write(f"dynaclr {verb}: ended by signal {number.name}\n")
    return 128 + number
