"""What follows from the runs: medians, ratios, and what of the aims was reached. Every field may be missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from .running import GALLERY, START, Results

MUSTER = "muster"
EVERY_NET = "muster, every net on every frame"
AS_CAMERA = "muster, at the pace of a camera"
PYTHON = "onnxruntime-python"
PYTHON_ONE = "onnxruntime-python, 1 thread"
DLIB = "face_recognition"
MTCNN = "mtcnn (detection alone)"
FAISS = "faiss"
PROGRAMS = (MUSTER, EVERY_NET, AS_CAMERA, DLIB, PYTHON, PYTHON_ONE, MTCNN)


def at(value: Any, *keys: str) -> Any:
    """The value under `keys`, or None where one of them is missing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def middle(values: Iterable[Any]) -> float | None:
    """The median of what is a number."""
    numbers = [float(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    return median(numbers) if numbers else None


def ratio(over: float | None, under: float | None) -> float | None:
    return over / under if over is not None and under else None


@dataclass
class Seen:
    """What a program did with a clip, in the median of its runs."""

    program: str
    objects: list[dict[str, Any]]
    reason: str | None

    def figure(self, *keys: str) -> float | None:
        return middle(at(found, *keys) for found in self.objects)

    @property
    def fps(self) -> float | None:
        return self.figure("fps")

    @property
    def people(self) -> list[str] | None:
        """Who was decided in every run; None where runs differ, or nothing is said of people."""
        said = [at(found, "people") for found in self.objects]
        return said[0] if said and isinstance(said[0], list) and all(one == said[0] for one in said) else None

    @property
    def cut(self) -> bool:
        """Whether a run ended before the clip did."""
        return any(at(found, "cut") for found in self.objects)


@dataclass
class ClipFigures:
    """What every program did with one clip."""

    clip: str
    seen: dict[str, Seen]

    def fps(self, program: str) -> float | None:
        return self.seen[program].fps if program in self.seen else None

    def figure(self, program: str, *keys: str) -> float | None:
        return self.seen[program].figure(*keys) if program in self.seen else None

    def times(self, program: str) -> float | None:
        """How many times as fast muster is."""
        return ratio(self.fps(MUSTER), self.fps(program))

    def same_people(self, program: str) -> bool | None:
        """Whether it decided on the same people as muster; None where that cannot be said: nobody is missing
        from a run that ended before the clip did."""
        if program not in self.seen or MUSTER not in self.seen:
            return None
        own, other = self.seen[MUSTER].people, self.seen[program].people
        if own is None or other is None:
            return None
        if self.seen[program].cut and set(other) <= set(own):
            return None
        return own == other

    def size(self) -> str:
        for one in self.seen.values():
            for found in one.objects:
                if at(found, "width"):
                    return f"{found['width']}x{found['height']}"
        return "?"


def clips(results: Results) -> list[ClipFigures]:
    """The clips in the order they were run in."""
    found: dict[str, ClipFigures] = {}
    for run in results.runs:
        if run.program not in PROGRAMS or run.subject.startswith((GALLERY, START)):
            continue
        clip = found.setdefault(run.subject, ClipFigures(run.subject, {}))
        seen = clip.seen.setdefault(run.program, Seen(run.program, [], None))
        seen.objects.extend(run.objects[:1])
        seen.reason = run.reason or seen.reason
    return list(found.values())


@dataclass
class Search:
    """How long a search of a gallery takes, in ms, at the number of threads that is best."""

    threads: int
    p50: float
    p99: float | None


@dataclass
class GalleryFigures:
    """A gallery of one size, as muster and faiss have it."""

    size: int
    own: list[dict[str, Any]]
    peer: list[dict[str, Any]]
    reasons: dict[str, str]

    def own_search(self, probes: int) -> Search | None:
        return best(row for found in self.own for row in at(found, "search_ms") or [] if at(row, "probes") == probes)

    def peer_search(self, probes: int) -> Search | None:
        return best(row for row in self.peer if at(row, "probes") == probes)

    def figure(self, *keys: str) -> float | None:
        return middle(at(found, *keys) for found in self.own)

    def times(self, probes: int) -> float | None:
        own, peer = self.own_search(probes), self.peer_search(probes)
        return ratio(peer.p50, own.p50) if own and peer else None


def best(rows: Iterable[dict[str, Any]]) -> Search | None:
    """The medians of the number of threads with the lowest p50."""
    by_threads: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        by_threads.setdefault(int(at(row, "threads") or 1), []).append(row)
    found = []
    for threads, of_threads in by_threads.items():
        p50 = middle(at(row, "p50") for row in of_threads)
        if p50 is not None:
            found.append(Search(threads, p50, middle(at(row, "p99") for row in of_threads)))
    return min(found, key=lambda search: search.p50, default=None)


def galleries(results: Results) -> list[GalleryFigures]:
    """The galleries, the smallest first."""
    found: dict[int, GalleryFigures] = {}
    for run in results.runs:
        if not run.subject.startswith(GALLERY):
            continue
        size = int(run.subject.removeprefix(GALLERY))
        gallery = found.setdefault(size, GalleryFigures(size, [], [], {}))
        (gallery.own if run.program == MUSTER else gallery.peer).extend(run.objects)
        if run.reason:
            gallery.reasons[run.program] = run.reason
    return [found[size] for size in sorted(found)]


@dataclass
class StartFigures:
    """How muster starts with so many people, in the median of its runs."""

    people: int
    objects: list[dict[str, Any]]

    def figure(self, *keys: str) -> float | None:
        return middle(at(found, *keys) for found in self.objects)


def starts(results: Results) -> list[StartFigures]:
    """The starts, with the fewest people first."""
    found: dict[int, StartFigures] = {}
    for run in results.runs:
        if run.subject.startswith(START):
            people = int(run.subject.removeprefix(START))
            found.setdefault(people, StartFigures(people, [])).objects.extend(run.objects)
    return [found[people] for people in sorted(found)]
