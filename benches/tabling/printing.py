"""The tables, for a terminal or as Markdown."""

from __future__ import annotations

from .aims import MEASURED_ALONE, Aim, number
from .figures import MUSTER, PROGRAMS, ClipFigures, GalleryFigures, Search, StartFigures
from .running import Results

Row = list[str]


def table(head: Row, rows: list[Row], markdown: bool) -> str:
    """Columns that line up; in Markdown the same with bars."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    bar = [("-" * width) for width in widths]
    lines = []
    for row in [head, bar, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        lines.append("| " + " | ".join(cells) + " |" if markdown else "  ".join(cells).rstrip())
    return "\n".join(lines)


def maybe(value: float | None, unit: str = "") -> str:
    return "" if value is None else number(value) + unit


def clip_rows(clip: ClipFigures) -> list[Row]:
    rows = []
    for program in PROGRAMS:
        if program not in clip.seen:
            continue
        seen = clip.seen[program]
        if not seen.objects:
            rows.append([clip.clip, clip.size(), program, "not available", "", "", "", ""])
            continue
        people = "" if seen.people is None else str(len(seen.people))
        if program != MUSTER:
            people += {None: "", True: ", the same", False: ", not the same"}[clip.same_people(program)]
        rows.append(
            [
                clip.clip,
                clip.size(),
                program,
                maybe(seen.fps) + (" (stopped early)" if seen.cut else ""),
                "" if program == MUSTER else maybe(clip.times(program), "x"),
                maybe(seen.figure("faces_per_frame")),
                people,
                maybe(seen.figure("peak_memory_mb")),
            ]
        )
    return rows


def clip_table(clips: list[ClipFigures], markdown: bool) -> str:
    head = ["clip", "size", "program", "frames/s", "muster is", "faces a frame", "people decided", "memory MB"]
    return table(head, [row for clip in clips for row in clip_rows(clip)], markdown)


def names(clips: list[ClipFigures]) -> list[str]:
    """Who was decided where programs do not agree."""
    lines = []
    for clip in clips:
        if clip.clip in MEASURED_ALONE or all(clip.same_people(program) is not False for program in clip.seen):
            continue
        for program, seen in clip.seen.items():
            if seen.people is not None:
                lines.append(f"{clip.clip}, {program}: {', '.join(seen.people) or 'nobody'}")
    return lines


def gallery_table(galleries: list[GalleryFigures], markdown: bool) -> str:
    head = ["people", "probes", "muster p50", "p99", "faiss p50", "p99", "muster is", "muster MB", "faiss MB"]
    rows = []
    for gallery in galleries:
        for probes in (1, 8):
            own, peer = gallery.own_search(probes), gallery.peer_search(probes)
            rows.append(
                [
                    f"{gallery.size:,}",
                    str(probes),
                    *searched(own),
                    *searched(peer),
                    maybe(gallery.times(probes), "x"),
                    maybe(gallery.figure("memory_mb")),
                    maybe(max((row["memory_mb"] for row in gallery.peer if "memory_mb" in row), default=None)),
                ]
            )
    return table(head, rows, markdown)


def keeping_table(galleries: list[GalleryFigures], markdown: bool) -> str:
    """muster's galleries by themselves."""
    head = [
        "people", "built in", "bytes a person", "plain scan p50", "rows looked at twice: p50", "most",
        "enrolling p99", "erasing p99", "search meanwhile p50", "p99",
    ]  # fmt: skip
    rows = [
        [
            f"{gallery.size:,}",
            maybe(gallery.figure("build_s"), " s"),
            maybe(gallery.figure("bytes_per_person")),
            maybe(gallery.figure("plain_ms", "p50"), " ms"),
            maybe(gallery.figure("second_pass_rows", "p50")),
            maybe(gallery.figure("second_pass_rows", "most")),
            maybe(gallery.figure("enrol_us", "p99"), " us"),
            maybe(gallery.figure("erase_us", "p99"), " us"),
            maybe(gallery.figure("search_meanwhile_ms", "p50"), " ms"),
            maybe(gallery.figure("search_meanwhile_ms", "p99"), " ms"),
        ]
        for gallery in galleries
        if gallery.own
    ]
    return table(head, rows, markdown) if rows else ""


def start_table(starts: list[StartFigures], markdown: bool) -> str:
    head = ["people", "to the first frame", "to the whole gallery", "memory MB"]
    rows = [
        [
            f"{start.people:,}",
            maybe(start.figure("first_frame_ms"), " ms"),
            maybe(start.figure("gallery_ms"), " ms"),
            maybe(start.figure("peak_memory_mb")),
        ]
        for start in starts
    ]
    return table(head, rows, markdown)


def searched(search: Search | None) -> Row:
    if search is None:
        return ["not available", ""]
    threads = f"{search.threads} thread" + ("" if search.threads == 1 else "s")
    return [f"{number(search.p50)} ms, {threads}", maybe(search.p99, " ms")]


def aim_table(aims: list[Aim], markdown: bool) -> str:
    return table(["aim", "target", "figure", ""], [[a.what, a.target, a.figure, a.verdict] for a in aims], markdown)


def reasons(results: Results) -> str:
    """Why programs are not available, each reason once."""
    found = {f"{run.program}: not available: {run.reason}": None for run in results.runs if run.reason}
    return "\n".join(found)


def heading(results: Results) -> str:
    machine = results.machine
    runs = "one run" if results.rounds == 1 else f"medians of {results.rounds} interleaved runs"
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}; "
        f"{runs}; load average before: {machine['load_before']}"
    )
