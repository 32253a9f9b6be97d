"""`imu warmup`: compile the kernels now, so that nothing waits for them later."""

import argparse
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import numba

from imu.cli.terminal import counted, duration_text
from imu.core.session import Sensor
from imu.core.units import NS_PER_S
from imu.kernels import intake
from imu.pipeline import Pipeline
from imu.simulate import SensorModel, Walk, named, simulate

EXAMPLES: Final = """\
examples:
  imu warmup                              after an installation or an update
  NUMBA_CACHE_DIR=/srv/cache imu warmup   for all who use that folder
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, which are none."""
    parser.epilog = EXAMPLES


def run(_: argparse.Namespace) -> int:
    """Compile or load everything, and remove what older versions of this installation left."""
    folder = cache_folder()
    if folder is None:
        print("nothing to keep: NUMBA_DISABLE_JIT is set, or no cache folder can be written")
        return 0
    begin_s = time.perf_counter()
    warm_up()
    took = duration_text(time.perf_counter() - begin_s)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"kernels are ready after {took}; they are kept in {folder} ({size / 1e6:.1f} MB)")
    removed = prune(folder)
    if removed:
        print(f"removed those of {counted(removed, 'older version')}")
    return 0


def cache_folder() -> Path | None:
    """Where numba keeps the kernels of this installation; None where it compiles nothing or can keep nothing."""
    stats = getattr(intake.run, "stats", None)
    path = getattr(stats, "cache_path", None)
    return None if path is None else Path(path)


def warm_up() -> None:
    """Send simulated walks through the pipeline: with sensors whose mounting is known, without, and from step one."""
    person, protocol, sensors = named("demo")
    unknown: dict[Sensor, SensorModel] = {name: replace(model, mounting_known=False) for name, model in sensors.items()}
    # the last is of somebody who walks already: gravity has to be found on the way
    walking = replace(protocol, segments=(Walk(direction="backward", seconds=10.0),))
    for path, worn, begin_ns in ((protocol, sensors, 0), (protocol, unknown, 0), (walking, sensors, 2 * NS_PER_S)):
        recording = simulate(person, path, worn, seed=0)
        pipeline = Pipeline(recording.session, worn)
        for blocks in zip(*(recording.samples(name) for name in worn), strict=True):
            for name, samples in zip(worn, blocks, strict=True):
                pipeline.push(name, samples[int(samples.t_ns.searchsorted(begin_ns)) :])
        pipeline.flush()
    stamp = _stamp()
    if stamp is not None:
        # where nothing can be kept, the next call compiles anew
        with suppress(OSError):
            stamp.touch()


def warm_up_once() -> None:
    """Warm up, unless this installation has done so; a person at a terminal is told why it takes so long."""
    stamp = _stamp()
    if stamp is not None and not stamp.exists():
        if sys.stderr.isatty():
            print("compiling the kernels, this once; it may take half a minute", file=sys.stderr, flush=True)
        warm_up()


def prune(folder: Path) -> int:
    """Remove what older versions left of this installation beside `folder`; return how many there were.

    `folder` is `<cache>/kernels-<digest of the kernels>/<name made of this installation's path>`: others may share all
    but the last part.
    """
    removed = 0
    for old in sorted(folder.parent.parent.glob("kernels-*")):
        ours = old / folder.name
        if old != folder.parent and ours.is_dir():
            shutil.rmtree(ours, ignore_errors=True)
            removed += 1
            # where another installation's are left, the folder stays
            with suppress(OSError):
                old.rmdir()
    return removed


def _stamp() -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / f"warm-{numba.__version__}"
