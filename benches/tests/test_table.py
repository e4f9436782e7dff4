"""Tests of benches/table, without muster and without a peer: python3 -m unittest discover benches/tests"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tabling import aims, figures, printing  # noqa: E402
from tabling.running import Results, Run  # noqa: E402

MACHINE = {"processor": "P", "cores": 2, "memory_gb": 24, "system": "S", "load_before": 0.0}


def results(*runs: Run) -> Results:
    return Results(MACHINE, 1, list(runs))


def seen(program: str, fps: float, people: list[str] | None = None, **more: Any) -> Run:
    found = {"fps": fps, "width": 640, "height": 360, **more}
    if people is not None:
        found["people"] = people
    return Run(0, program, "door", [found])


def verdicts(of: Results) -> dict[str, aims.Aim]:
    return {aim.what: aim for aim in aims.all_aims(figures.clips(of), figures.galleries(of), figures.starts(of))}


class Figures(unittest.TestCase):
    def test_the_median_of_the_runs_counts(self) -> None:
        clip = figures.clips(results(*(seen(figures.MUSTER, fps) for fps in (9.0, 1.0, 2.0))))[0]
        self.assertEqual(clip.fps(figures.MUSTER), 2.0)

    def test_the_best_number_of_threads_counts(self) -> None:
        rows = [{"threads": 1, "p50": 4.0, "p99": 9.0}, {"threads": 2, "p50": 3.0}, {"threads": 1, "p50": 2.0}]
        self.assertEqual(figures.best(rows), figures.Search(1, 3.0, 9.0))

    def test_people_that_differ_between_runs_are_not_decided(self) -> None:
        of = results(seen(figures.MUSTER, 1.0, ["Ana"]), seen(figures.MUSTER, 1.0, []))
        self.assertIsNone(figures.clips(of)[0].seen[figures.MUSTER].people)


    def test_a_gallery_is_no_clip(self) -> None:
        self.assertEqual(figures.clips(results(Run(0, figures.MUSTER, "gallery of 1000", [{"size": 1000}]))), [])

    def test_nobody_is_missing_from_a_run_that_was_stopped(self) -> None:
        for people, expected in ((["Ana"], None), (["Zoe"], False), (["Ana", "Bo"], None)):
            of = results(seen(figures.MUSTER, 1.0, ["Ana", "Bo"]), seen(figures.DLIB, 1.0, people, cut=True))
            self.assertIs(figures.clips(of)[0].same_people(figures.DLIB), expected, people)


class Aims(unittest.TestCase):
    def test_a_ratio_is_taken_to_the_peer_where_it_is_fastest(self) -> None:
        of = results(
            seen(figures.MUSTER, 60.0, ["Ana"]), seen(figures.PYTHON, 10.0, ["Ana"]), seen(figures.PYTHON_ONE, 30.0, ["Ana"])
        )
        line = verdicts(of)["door: throughput, of that of the same nets from Python"]
        self.assertEqual((line.figure, line.verdict), ("2.00x, the same people", "not reached"))

    def test_a_ratio_with_other_people_is_not_reached(self) -> None:
        of = results(seen(figures.MUSTER, 60.0, ["Ana"]), seen(figures.DLIB, 1.0, ["Bo"]))
        self.assertEqual(
            verdicts(of)["door: throughput, of that of face_recognition"].verdict, "not reached: other people"
        )

    def test_what_a_peer_is_not_available_for_is_said(self) -> None:
        of = results(seen(figures.MUSTER, 60.0), Run(0, figures.DLIB, "door", [], "no compiler"))
        self.assertEqual(
            verdicts(of)["door: throughput, of that of face_recognition"].verdict, "not measured: no compiler"
        )
        self.assertRegex(printing.clip_table(figures.clips(of), markdown=False), "face_recognition +not available")
        self.assertEqual(printing.reasons(of), "face_recognition: not available: no compiler")

    def test_the_worst_clip_counts_for_the_nets_alone(self) -> None:
        good = seen(figures.EVERY_NET, 40.0, nets_alone={"share": 0.9}, runtime={"inside_s": 10, "outside_s": 1})
        bad = Run(0, figures.EVERY_NET, "hall", [{"fps": 7.0, "nets_alone": {"fps": 10.0}}])
        line = verdicts(results(good, bad))["every net on every frame, of the throughput of the nets alone"]
        self.assertEqual((line.figure, line.verdict), ("70.0 %", "not reached"))

    def test_faiss_is_taken_at_its_best(self) -> None:
        own = {"search_ms": [{"probes": 1, "threads": 2, "p50": 20.0, "p99": 30.0}], "memory_mb": 1700}
        peer = [{"probes": 1, "threads": 1, "p50": 90.0}, {"probes": 1, "threads": 2, "p50": 50.0}]
        of = results(
            Run(0, figures.MUSTER, "gallery of 1000000", [own]), Run(0, figures.FAISS, "gallery of 1000000", peer)
        )
        lines = verdicts(of)
        speed = lines["search of 1,000,000 x 512, of the speed of faiss IndexFlatIP at its best"]
        self.assertEqual((speed.figure, speed.verdict), ("2.50x", "not reached"))
        self.assertEqual(lines["memory of 1,000,000 x 512"].verdict, "not reached")


    def test_a_start_counts_with_the_people_it_was_made_with(self) -> None:
        def start(people: int, first_frame_ms: float) -> Run:
            found = {"people": people, "first_frame_ms": first_frame_ms, "peak_memory_mb": 400.0}
            return Run(0, figures.MUSTER, f"start with {people}", [found])

        of = results(start(100_000, 900.0), start(10_000, 1500.0))
        self.assertEqual(figures.clips(of), [])
        lines = verdicts(of)
        self.assertEqual(lines["start to first processed frame, 100,000 people"].verdict, "reached")
        self.assertEqual(lines["memory with 10,000 people"].verdict, "not reached")
        self.assertRegex(printing.start_table(figures.starts(of), markdown=False), r"10,000 +1,500 ms")


class Start(unittest.TestCase):
    """benches/start, on a stub that writes a log as muster does."""

    def start(self, log: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "bench" / "crowd-5" / "whole"
            whole.parent.mkdir(parents=True)
            whole.touch()
            stub = Path(folder) / "stub"
            stub.write_text(f'#!/bin/sh\nmkdir -p "$XDG_STATE_HOME/muster"\n{log}\n')
            stub.chmod(0o755)
            return subprocess.run(
                [HERE.parent / "start", "5"],
                env={**os.environ, "CARGO_TARGET_DIR": folder, "MUSTER": str(stub)},
                capture_output=True, text=True, check=False,
            )  # fmt: skip

    def test_times_are_those_of_the_log(self) -> None:
        line = '$(date -u +%Y-%m-%dT%H:%M:%S.%6N)Z  INFO muster: {words} templates=5'
        say = "\n".join(
            f'echo "{line.format(words=words)}" >>"$XDG_STATE_HOME/muster/muster.log"; sleep 0.2'
            for words in ("the first frame was looked at", "the gallery is complete")
        )
        ended = self.start(f"{say}\nexec sleep 60")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        found = json.loads(ended.stdout)
        self.assertEqual(found["people"], 5)
        self.assertGreaterEqual(found["gallery_ms"] - found["first_frame_ms"], 150)
        self.assertGreater(found["peak_memory_mb"], 0)

    def test_a_muster_that_ends_is_said(self) -> None:
        ended = self.start("exit 4")
        self.assertEqual(ended.returncode, 1)
        self.assertIn("ended with status 4", ended.stderr)


class Table(unittest.TestCase):
    """The program itself, on a stub."""

    def table(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(HERE.parent / "table"), "--peers", "", "--starts", "", *arguments],
            env={**os.environ, "MUSTER": str(HERE / "stub_muster"), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_clips_and_gallery(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            clip, kept = Path(folder) / "door.mp4", Path(folder) / "raw.json"
            clip.touch()
            ended = self.table(
                "--clip", str(clip), "--people", folder, "--sizes", "100000", "--rounds", "2", "--json", str(kept)
            )
            self.assertEqual(ended.returncode, 0, ended.stderr)
            self.assertRegex(ended.stdout, r"door +640x360 +muster, every net on every frame +40\.0 +3\.00x")
            self.assertRegex(ended.stdout, r"100,000 +1 +1\.00 ms, 2 threads +1\.50 ms")
            self.assertRegex(ended.stdout, r"at most 15 % +20\.0 % +not reached")
            self.assertEqual(len(json.loads(kept.read_text())["runs"]), 6)
            again = self.table("--from", str(kept), "--markdown")
            self.assertRegex(again.stdout, r"\| door +\| 640x360 +\| muster +\| 120")

    def test_fields_that_are_missing_are_not_measured(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            clip = Path(folder) / "door.mp4"
            clip.touch()
            lacks = "nets_alone,runtime,people,frames,fps,search_ms,memory_mb,width,peak_memory_mb"
            ended = self.table(
                "--clip", str(clip), "--people", folder, "--sizes", "100000", "--rounds", "1", STUB_LACKS=lacks
            )
            self.assertEqual(ended.returncode, 0, ended.stderr)
            self.assertNotRegex(ended.stdout, r"[^t] reached")
            self.assertIn("not measured", ended.stdout)

    def test_a_muster_that_fails_is_said_and_fails_nothing_else(self) -> None:
        ended = self.table("--only", "gallery", "--sizes", "1000", "--rounds", "2", STUB_FAILS="1")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("the models folder is empty", ended.stdout)

    def test_nonsense_is_refused(self) -> None:
        self.assertEqual(self.table("--rounds", "0").returncode, 2)
        self.assertEqual(self.table("--clip", "door.mp4").returncode, 2)


if __name__ == "__main__":
    unittest.main()
