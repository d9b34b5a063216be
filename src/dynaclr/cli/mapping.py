"""map: a 2-D map of an embedding."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dynaclr.base.errors import RunError, problem
from dynaclr.base.paths import absolute_path
from dynaclr.embedding import Method, Space


def run(verb: str, arguments: Sequence[str]) -> int:
    """Make a map beside its embedding; return the exit code."""
    parser = argparse.ArgumentParser(
        f"python -m dynaclr {verb}", description="Compute a 2-D map of an embedding."
    )
    parser.add_argument("embedding", type=absolute_path, help="parquet file written by predict")
    parser.add_argument("--method", type=Method, choices=list(Method), default=Method.TSNE)
    parser.add_argument("--of", type=Space, choices=list(Space), default=Space.FEATURES)
    options = parser.parse_args(arguments)

    from dynaclr.embedding import map_file, projected, read_embeddings, write_map

    vectors = read_embeddings(options.embedding).vectors(options.of)
    places = projected(vectors, options.method)
    target = map_file(options.embedding, options.method, options.of)
    try:
        write_map(target, places, vectors)
    except OSError as error:
        raise RunError(problem(f"embedding map cannot be written: {error.strerror}", file=target)) from error
    sys.stdout.write(f"{len(places)} observations mapped with {options.method}: {target}\n")
    return 0
