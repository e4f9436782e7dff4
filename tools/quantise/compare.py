"""How long nets take beside each other, and how far the similarities of two embedding nets go together.

Nets take turns on one thread. Times are of the processor, so that on a busy machine what others take does not
count; what they take of its caches and its memory still does."""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime

SEED = 7
WARMING_UP = 5


def session(net: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(net), options, providers=["CPUExecutionProvider"])


def print_times(nets: list[Path], rounds: int) -> None:
    """Median and least milliseconds of a run, and the ratio of the medians to the first net's."""
    sessions = [session(net) for net in nets]
    inputs = [runner.get_inputs()[0] for runner in sessions]
    noise = np.random.default_rng(SEED)
    feeds = [{value.name: noise.uniform(-1, 1, value.shape).astype(np.float32)} for value in inputs]
    taken: list[list[float]] = [[] for _ in nets]
    for turn in range(rounds + WARMING_UP):
        for index in range(len(nets)):
            # Another one is first in each round.
            which = (index + turn) % len(nets)
            begun = time.thread_time()
            sessions[which].run(None, feeds[which])
            if turn >= WARMING_UP:
                taken[which].append(1e3 * (time.thread_time() - begun))
    first = statistics.median(taken[0])
    for net, times in zip(nets, taken, strict=True):
        median = statistics.median(times)
        print(f"{net.name}: median {median:.2f} ms, least {min(times):.2f} ms, {median / first:.2f} of the first")


def similarities(path: Path) -> dict[tuple[str, str], float]:
    with path.open(newline="") as file:
        return {(row["image_a"], row["image_b"]): float(row["similarity"]) for row in csv.DictReader(file)}


def print_scores(one: Path, other: Path) -> None:
    """How two files of `muster eval --csv` go together, pair by pair."""
    a, b = similarities(one), similarities(other)
    pairs = sorted(a.keys() & b.keys())
    if not pairs:
        sys.exit(f"{one} and {other} have no pair of pictures in common")
    x, y = (np.array([scores[pair] for pair in pairs]) for scores in (a, b))
    apart = np.abs(x - y)
    correlation = np.corrcoef(x, y)[0, 1]
    print(f"{len(pairs)} pairs: correlation {correlation:.6f}")
    print(f"apart by {apart.mean():.2g} in the mean, {apart.max():.2g} at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", type=Path, metavar="NET")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--scores", type=Path, nargs=2, metavar="CSV", help="two files of muster eval --csv")
    given = parser.parse_args()
    if given.nets:
        print_times(given.nets, given.rounds)
    if given.scores:
        print_scores(*given.scores)


if __name__ == "__main__":
    main()
