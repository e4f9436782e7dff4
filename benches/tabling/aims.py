"""The aims, each with its figure and whether it was reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .figures import AS_CAMERA, DLIB, EVERY_NET, MUSTER, PYTHON, PYTHON_ONE, ClipFigures, GalleryFigures, StartFigures, ratio

# The clips that muster alone is run on, for the aims that speak of 640x480.
ONE, EIGHT, NOBODY = "one-480", "eight-480", "nobody-480"
MEASURED_ALONE = (ONE, EIGHT, NOBODY)

AT_LEAST, AT_MOST = "at least", "at most"


@dataclass
class Aim:
    """One line: what was aimed at, and what came of it."""

    what: str
    target: str
    figure: str
    verdict: str


def aim(what: str, kind: str, target: float, figure: float | None, unit: str, why_not: str, note: str = "") -> Aim:
    """An aim that is a number. Without a figure it says why there is none."""
    wanted = f"{kind} {target:g}{unit}"
    if figure is None:
        return Aim(what, wanted, "", f"not measured: {why_not}")
    reached = figure >= target if kind == AT_LEAST else figure <= target
    return Aim(what, wanted, f"{number(figure)}{unit}{note}", "reached" if reached else "not reached")


def number(value: float) -> str:
    """Three digits that count, no exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def by_test(what: str, target: str, where: str) -> Aim:
    return Aim(what, target, "", f"not measured here: {where}")


def all_aims(
    clips: list[ClipFigures], galleries: list[GalleryFigures], starts: list[StartFigures]
) -> list[Aim]:
    side_by_side = [clip for clip in clips if clip.clip not in MEASURED_ALONE]
    named = {clip.clip: clip for clip in clips}
    return [
        *every_net(side_by_side),
        by_test("allocations per frame beyond the runtime's own", "none", "a test counts them"),
        *(against(clip, DLIB, [DLIB], 10) for clip in side_by_side),
        *(against(clip, "the same nets from Python", [PYTHON, PYTHON_ONE], 3) for clip in side_by_side),
        *at_640x480(named),
        *searching({gallery.size: gallery for gallery in galleries}),
        by_test("best and runner-up as a plain scan has them", "always", "tests show it"),
        by_test("`muster eval` before and after", "the same to four digits", "docs/benchmarks.md says how"),
        *whole_program({start.people: start for start in starts}),
    ]


def every_net(clips: list[ClipFigures]) -> list[Aim]:
    """With every net on every frame: the lowest figure of all clips counts."""
    shares, outside = [], []
    for clip in clips:
        alone = clip.figure(EVERY_NET, "nets_alone", "share")
        if alone is None:
            alone = ratio(clip.fps(EVERY_NET), clip.figure(EVERY_NET, "nets_alone", "fps"))
        shares.append(alone)
        outside.append(
            ratio(clip.figure(EVERY_NET, "runtime", "outside_s"), clip.figure(EVERY_NET, "runtime", "inside_s"))
        )
    missing = "muster said nothing of it"
    return [
        aim(
            "every net on every frame, of the throughput of the nets alone",
            AT_LEAST, 80, percent(lowest(shares)), " %", missing,
        ),
        aim(
            "inference thread: time outside ONNX Runtime, of the time inside",
            AT_MOST, 15, percent(highest(outside)), " %", missing,
        ),
    ]  # fmt: skip


def against(clip: ClipFigures, name: str, programs: list[str], target: float) -> Aim:
    """How many times as fast as a peer, at the number of threads that suits the peer best."""
    known = [program for program in programs if clip.fps(program) is not None]
    what = f"{clip.clip}: throughput, of that of {name}"
    if not known:
        seen = [clip.seen[program] for program in programs if program in clip.seen]
        return aim(what, AT_LEAST, target, None, "x", next((one.reason for one in seen if one.reason), "it was not run"))
    fastest = max(known, key=lambda program: clip.fps(program) or 0.0)
    same = clip.same_people(fastest)
    note = ", the same people" if same else "" if same is None else ", not the same people"
    if same is None and clip.seen[fastest].cut:
        note = ", stopped before all were seen"
    line = aim(what, AT_LEAST, target, clip.times(fastest), "x", "muster has no figure", note)
    if same is False and line.verdict == "reached":
        line.verdict = "not reached: other people"
    return line


def at_640x480(clips: dict[str, ClipFigures]) -> list[Aim]:
    def figure(clip: str, *keys: str, program: str = MUSTER) -> float | None:
        return clips[clip].figure(program, *keys) if clip in clips else None

    absent = "the clip was not run, or muster said nothing of it"
    frames, cpu = figure(NOBODY, "frames", "processed"), figure(NOBODY, "cpu_s")
    nobody = ratio(cpu, frames)
    return [
        aim("one tracked face at 640x480", AT_LEAST, 30, figure(ONE, "fps"), " frames/s", absent),
        aim("eight tracked faces at 640x480", AT_LEAST, 15, figure(EIGHT, "fps"), " frames/s", absent),
        aim("frame to decision, p95", AT_MOST, 6, figure(ONE, "decision_frames", "p95"), " frames", absent),
        aim(
            "frame to durable record at 640x480, p95, at the pace of a camera", AT_MOST, 100,
            figure(ONE, "record_ms", "p95", program=AS_CAMERA), " ms", absent,
        ),
        aim(
            "nobody in view: processor time at 15 frames/s, of one core", AT_MOST, 15,
            None if nobody is None else nobody * 15 * 100, " %", absent, ", the start included",
        ),
    ]  # fmt: skip


def searching(galleries: dict[int, GalleryFigures]) -> list[Aim]:
    small, large = galleries.get(100_000), galleries.get(1_000_000)

    def of(gallery: GalleryFigures | None, get: Callable[[GalleryFigures], float | None]) -> float | None:
        return get(gallery) if gallery else None

    def p50(gallery: GalleryFigures) -> float | None:
        search = gallery.own_search(1)
        return search.p50 if search else None

    def gigabytes(gallery: GalleryFigures) -> float | None:
        memory = gallery.figure("memory_mb")
        return None if memory is None else memory / 1000

    def stall(gallery: GalleryFigures) -> float | None:
        search = gallery.own_search(1)
        return ratio(gallery.figure("search_meanwhile_ms", "p99"), search.p99 if search else None)

    absent = "this size was not run, or muster said nothing of it"
    return [
        aim("search of 100,000 x 512, one probe, p50", AT_MOST, 3, of(small, p50), " ms", absent),
        aim(
            "search of 1,000,000 x 512, of the speed of faiss IndexFlatIP at its best", AT_LEAST, 3,
            of(large, lambda gallery: gallery.times(1)), "x", f"{absent}, or faiss is not available",
        ),
        aim("memory of 1,000,000 x 512", AT_MOST, 1.6, of(large, gigabytes), " GB", absent),
        aim(
            "search while people are enrolled and erased: p99, of that without, at the largest size", AT_MOST, 2,
            of(galleries[max(galleries)] if galleries else None, stall), "x", absent,
        ),
    ]  # fmt: skip


def whole_program(starts: dict[int, StartFigures]) -> list[Aim]:
    def figure(people: int, key: str) -> float | None:
        return starts[people].figure(key) if people in starts else None

    absent = "muster was not started with so many"
    return [
        aim(
            "start to first processed frame, 100,000 people", AT_MOST, 1000,
            figure(100_000, "first_frame_ms"), " ms", absent,
        ),
        aim("memory with 10,000 people", AT_MOST, 300, figure(10_000, "peak_memory_mb"), " MB", absent),
    ]  # fmt: skip


def lowest(values: list[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def highest(values: list[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
