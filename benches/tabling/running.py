"""Runs muster and its peers in turn, and keeps every object that they print."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "benches" / "peers"
# A run that takes longer hangs.
LIMIT_S = 1800
# What the subject of a run on a gallery begins with; its size follows.
GALLERY = "gallery of "
# The same of a start with so many people.
START = "start with "
# What a machine may set to hold numeric libraries back; a peer is to run as fast as it can.
HOLDING_BACK = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def target_folder() -> Path:
    """Cargo's target folder, as the scripts take it too."""
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    processor = platform.machine()
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return {
        "processor": processor,
        "cores": cores(),
        "memory_gb": round(memory / 1e6),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text().splitlines()
    except OSError:
        return []


@dataclass
class Run:
    """One run of a program on a clip or a gallery: the objects it printed, or why it printed none."""

    round: int
    program: str
    subject: str
    objects: list[dict[str, Any]] = field(default_factory=list)
    reason: str | None = None


@dataclass
class Results:
    """All runs, with the machine they ran on."""

    machine: dict[str, Any]
    rounds: int
    runs: list[Run] = field(default_factory=list)

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, file: Path) -> Results:
        kept = json.loads(file.read_text())
        return cls(kept["machine"], kept["rounds"], [Run(**run) for run in kept["runs"]])


class Peer:
    """A program in a virtual environment of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reason: str | None = None

    def set_up(self) -> None:
        """Makes the environment, or notes why there is none."""
        made = subprocess.run([PEERS / "setup", self.name], stderr=subprocess.PIPE, text=True, check=False)
        if made.returncode != 0:
            self.reason = _last_line(made.stderr)
            say(f"{self.name}: not available: {self.reason}")

    def command(self, *arguments: str) -> list[str]:
        python = target_folder() / "peers" / self.name / "bin" / "python"
        return [str(python), str(PEERS / f"peer_{self.name}.py"), *arguments]


def say(line: str) -> None:
    """How far it has come; the tables alone go to standard output."""
    print(line, file=sys.stderr, flush=True)


def objects_of(command: list[str]) -> tuple[list[dict[str, Any]], str | None]:
    """The JSON objects that a command prints, or why there are none."""
    environment = {name: value for name, value in os.environ.items() if name not in HOLDING_BACK}
    try:
        ended = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return [], f"not done after {LIMIT_S} s"
    except OSError as error:
        return [], f"{command[0]} cannot be run: {error.strerror}"
    found = []
    for line in ended.stdout.splitlines():
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(value, dict):
            found.append(value)
    if ended.returncode != 0:
        return [], f"ended with status {ended.returncode}: {_complaint(ended.stderr)}"
    return found, None if found else "it printed no figures"


def _complaint(text: str) -> str:
    """The line that says what went wrong: one that calls itself an error, else the last."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line.lower().startswith("error")), _last_line(text))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


class Turns:
    """The programs that take turns on one subject after the other."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.given_up: dict[tuple[str, str], str] = {}

    def leave_out(self, program: str, subject: str, reason: str) -> None:
        """Notes, once, why a program is not run."""
        if (program, subject) not in self.given_up:
            self.given_up[program, subject] = reason
            self.results.runs.append(Run(0, program, subject, [], reason))

    def take(self, turn: int, subject: str, programs: list[tuple[str, list[str]]]) -> None:
        """Runs every program once; another one is first in each round. What failed once is left out then."""
        first = turn % max(len(programs), 1)
        for program, command in programs[first:] + programs[:first]:
            if (program, subject) in self.given_up:
                continue
            found, reason = objects_of(command)
            if reason:
                self.given_up[program, subject] = reason
            say(f"round {turn + 1}, {subject}, {program}: {reason or brief(found)}")
            self.results.runs.append(Run(turn, program, subject, found, reason))


def brief(found: list[dict[str, Any]]) -> str:
    """The figure to be seen while it runs."""
    if "fps" in found[0]:
        return f"{found[0]['fps']:.2f} frames/s"
    return "done"
