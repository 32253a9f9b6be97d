"""`imu simulate`: a session of a person who never was, with the truth beside it."""

import argparse
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any, Final, TypeVar

from imu.cli.terminal import Bar, aligned, counted, duration_text
from imu.core.errors import DuplicateSession, UsageError
from imu.core.session import SENSORS, Sensor, Session
from imu.core.tables import EVENTS, TREADMILL
from imu.simulate import Person, Recording, Spec, as_worn, load_spec, named, names, simulate, someone
from imu.simulate.library import about
from imu.store.atomic import remove
from imu.store.folder import SESSION_FILE, analysis_dir
from imu.store.raw import raw_path, write_raw
from imu.store.tables import SUMMARY, write_columns, write_table
from imu.store.write_session import create_session, write_truth
from imu.version import VERSION

EXAMPLES: Final = """\
examples:
  imu simulate --list
  imu simulate ten-minutes --out store
  imu simulate out-and-back --someone --seed 7 --out store
  imu simulate steady-backward --minutes 1 --seed 7 --out store
  imu simulate mine.toml --out store     a person, a protocol and sensors of one's own
"""
SUBJECT: Final = "SIM01"
TREADMILL_FILE: Final = "raw/treadmill.parquet"
LEAST_MIN: Final = 0.01
MOST_MIN: Final = 30 * 24 * 60.0
BLOCK_S: Final = 60.0
"""Samples and truth are made and written so much at a time."""

T = TypeVar("T")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument("spec", nargs="?", metavar="SPEC.toml|NAME", help="a file, or one of those that --list names")
    parser.add_argument("--out", type=Path, metavar="STORE", help="where the session goes")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="another seed, another walk (default %(default)s)"
    )
    parser.add_argument(
        "--someone",
        action="store_true",
        help="draw another healthy adult for each seed, whose sensors sit not quite straight",
    )
    parser.add_argument("--minutes", type=float, metavar="M", help="repeat the protocol until then")
    parser.add_argument("--quiet", action="store_true", help="say nothing but what failed")
    parser.add_argument("--list", action="store_true", help="say what simulations come with the program")


def run(args: argparse.Namespace) -> int:
    """Write one session, or name what there is."""
    if args.list:
        print(*aligned([(name, about(name)) for name in names()], left=2), sep="\n")
        return 0
    if args.spec is None or args.out is None:
        raise UsageError("want a simulation and --out STORE, or --list (see imu simulate --help)")
    if args.minutes is not None and not LEAST_MIN <= args.minutes <= MOST_MIN:
        raise UsageError(f"--minutes is {args.minutes:g}; want {LEAST_MIN:g} to {MOST_MIN:g}")
    if args.seed < 0:
        raise UsageError(f"--seed is {args.seed}; want a whole number from 0 on")
    path = Path(args.spec)
    spec = load_spec(path) if path.suffix == ".toml" or path.exists() else named(args.spec)
    recording = recorded(spec, path.stem, seed=args.seed, minutes=args.minutes, anyone=args.someone)
    folder = analysis_dir(args.out, recording.session)
    if (folder / SESSION_FILE).exists():
        raise DuplicateSession(f"{folder} holds a session already; want another --seed or --out (simulated before?)")
    write_recording(folder, recording, recording.session)
    if args.quiet:
        return 0
    found = counted(len(recording.contacts["foot"]), "contact")
    print(f"{folder} holds {duration_text(recording.duration_s)} with {found}, and the truth beside them")
    print(f"next: imu inspect {quote(str(folder))}")
    print(f"      imu reprocess {quote(str(folder))}")
    return 0


def recorded(spec: Spec, name: str, *, seed: int, minutes: float | None = None, anyone: bool = False) -> Recording:
    """A simulated session that is called after its specification and its seed; of `someone` if it may be anyone."""
    person, protocol, sensors = spec
    if anyone:
        if person != Person():
            raise UsageError(f"{name} describes a person of its own; want --someone with a protocol for anyone")
        person, sensors = someone(seed), as_worn(sensors, seed)
    if minutes is not None:
        protocol = replace(protocol, duration_s=60.0 * minutes)
    # whatever a file may be called, a session's name is safe
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("._-")[:40] or "simulated"
    subject = f"SIM{seed:02d}" if anyone else SUBJECT
    return simulate(person, protocol, sensors, seed=seed, subject=subject, session=f"{safe}-{seed}")


def write_recording(folder: Path, recording: Recording, document: Session | Mapping[str, Any]) -> None:
    """Write a whole session as a stream, truth and events included, over whatever the folder held of one.

    Raises:
        CannotWrite: with the system's reason.
    """
    # until all is there the folder is no session
    for name in (SESSION_FILE, f"analysis/{SUMMARY}", TREADMILL_FILE, *(f"raw/{name}.parquet" for name in SENSORS)):
        remove(folder / name)
    worn: list[Sensor] = [name for name in SENSORS if name in recording.sensors]
    with Bar(len(worn) + 1, "parts") as bar:
        for done, name in enumerate(worn):
            blocks = _watched(recording.samples(name, BLOCK_S), recording, bar, done)
            write_raw(raw_path(folder, name), name, blocks, setup=recording.session.sensors[name], version=VERSION)
        write_truth(
            folder,
            contacts=recording.contacts,
            steps=recording.steps,
            pelvis=_watched(recording.truth_pelvis(), recording, bar, len(worn)),
            version=VERSION,
            params={},
        )
    if recording.treadmill is not None:
        write_columns(folder / TREADMILL_FILE, TREADMILL, [recording.treadmill], version=VERSION, params={})
    events = [*recording.phases, *recording.stumbles]
    write_table(folder / "events.parquet", EVENTS, events, version=VERSION, params={})
    create_session(folder, document)


def _watched(blocks: Iterable[T], recording: Recording, bar: Bar, done: int) -> Iterable[T]:
    """Blocks of a minute each."""
    for number, block in enumerate(blocks, 1):
        bar.update(done, min(number * BLOCK_S / recording.duration_s, 1.0))
        yield block
