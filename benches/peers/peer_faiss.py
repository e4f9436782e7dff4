"""faiss's IndexFlatIP, the exact search of a gallery: one object for each size, number of threads and
number of probes."""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import faiss
import numpy as np

SEED = 7
# Rows that are made at a time.
PIECE = 50_000
WARM_UP = 3


def unit_rows(random: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    made = random.standard_normal((rows, dim), dtype=np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=numbers, default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--probes", type=numbers, default=[1, 8])
    parser.add_argument("--searches", type=int, help="left out, fewer for a large gallery: 30 to 300")
    given = parser.parse_args()
    for size in given.sizes:
        random = np.random.default_rng(SEED)
        before = resident_mb()
        index = faiss.IndexFlatIP(given.dim)
        started = time.perf_counter()
        for first in range(0, size, PIECE):
            index.add(unit_rows(random, min(PIECE, size - first), given.dim))
        built = time.perf_counter() - started
        memory = resident_mb() - before
        searches = given.searches or int(np.clip(30_000_000 / size, 30, 300))
        for threads in given.threads:
            faiss.omp_set_num_threads(threads)
            for probes in given.probes:
                took = []
                for _ in range(searches + WARM_UP):
                    rows = unit_rows(random, probes, given.dim)
                    started = time.perf_counter()
                    # Two, as muster says who is best and who the runner-up is.
                    index.search(rows, 2)
                    took.append(1e3 * (time.perf_counter() - started))
                print(
                    json.dumps(
                        {
                            "kind": "peer-gallery",
                            "peer": "faiss IndexFlatIP",
                            "version": faiss.__version__,
                            "size": size,
                            "dim": given.dim,
                            "probes": probes,
                            "threads": threads,
                            "searches": searches,
                            "p50": round(float(np.percentile(took[WARM_UP:], 50)), 4),
                            "p99": round(float(np.percentile(took[WARM_UP:], 99)), 4),
                            "build_s": round(built, 3),
                            "memory_mb": round(memory, 1),
                        }
                    ),
                    flush=True,
                )
        del index


if __name__ == "__main__":
    main()
