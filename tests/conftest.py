"""What all tests share: where recordings lie, and how examples are drawn."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from imu.cli.simulate import write_recording
from imu.core.samples import Samples
from imu.core.session import Sensor, Session
from imu.simulate import Person, Protocol, Recording, Stand, Walk, simulate, usual_sensors
from imu.simulate.link import joined
from imu.store.folder import present_sensors, read_session
from imu.store.raw import raw_path, read_raw

# what helper modules assert is told as fully as what tests do
pytest.register_assert_rewrite(*(f"tests.{path.name}" for path in Path(__file__).parent.iterdir() if path.is_dir()))

ROOT = Path(__file__).parent.parent
IN_CI = "CI" in os.environ

# no deadline: the first call of a kernel compiles it; in CI the same examples every time; as plain Python few of them
EXAMPLES = 3 if os.environ.get("NUMBA_DISABLE_JIT") else 100
settings.register_profile("retrogait", deadline=None, derandomize=IN_CI, print_blob=not IN_CI, max_examples=EXAMPLES)
settings.load_profile("retrogait")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder that holds `sessions/`, real recordings that are never part of the repository."""
    folder = Path(os.environ.get("IMU_DATA_DIR") or ROOT.parent / "shared" / "data")
    if not (folder / "sessions").is_dir():
        pytest.skip(f"no recordings: {folder} has no folder sessions; name one that has in IMU_DATA_DIR")
    return folder


@pytest.fixture(scope="session")
def read_recording(data_dir: Path) -> Callable[[str], tuple[Session, dict[Sensor, Samples]]]:
    """By name: the session and all rows of its sensors. Skips where the recording is absent."""

    @cache
    def read(name: str) -> tuple[Session, dict[Sensor, Samples]]:
        folder = data_dir / "sessions" / name
        if not folder.is_dir():
            pytest.skip(f"no recording {name} in {folder.parent}; name a folder that has it in IMU_DATA_DIR")
        session = read_session(folder)
        return session, {
            sensor: joined(list(read_raw(raw_path(folder, sensor), sensor, session.sensors[sensor])))
            for sensor in present_sensors(folder, session)
        }

    return read


@pytest.fixture(scope="session")
def walk() -> Recording:
    """Half a minute of a simulated person: forward, then backward, three sensors at 100 Hz."""
    protocol = Protocol(
        segments=(
            Stand(seconds=3),
            Walk(direction="forward", seconds=12, speed_m_s=1.1),
            Stand(seconds=2),
            Walk(direction="backward", seconds=14, speed_m_s=0.7),
            Stand(seconds=2),
        ),
        activity="forward, backward",
    )
    sensors = {name: replace(model, rate_hz=100.0) for name, model in usual_sensors().items()}
    return simulate(Person(), protocol, sensors, seed=1, subject="SIM01", session="walk")


@pytest.fixture(scope="session")
def walk_folder(walk: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The session folder of `walk`, truth and events included. Whoever changes anything copies it first."""
    folder = tmp_path_factory.mktemp("sessions") / "walk"
    write_recording(folder, walk, walk.session)
    return folder
