"""Ours, as it runs live: fed packet by packet."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from imu.core.records import POSE
from imu.core.samples import Floats, Samples
from imu.core.session import Sensor, Session
from imu.core.tables import Row
from imu.gait.intake import Intake
from imu.gait.pelvis import PelvisPose
from imu.pipeline import Params, Pipeline
from imu.version import VERSION
from imu_bench.detector import About, Found, Stream
from imu_bench.predictions import FOUND_PELVIS

PELVIS_HZ: Final = 100.0
"""No truth of an attitude has more rows a second."""


class Ours:
    """`imu.pipeline.Pipeline`."""

    about = About(
        name="retrogait",
        title="Retrogait",
        source="this project",
        licence="MIT",
        packages={"retrogait": VERSION},
    )

    def start(self, session: Session) -> Stream:
        return _Stream(session)


class _Stream:
    def __init__(self, session: Session) -> None:
        params = Params()
        self._pipeline = Pipeline(session, tuple(session.sensors), params)
        self._pelvis = _Attitude(session, params) if "pelvis" in session.sensors else None

    def push(self, sensor: Sensor, samples: Samples) -> Iterable[Row]:
        if sensor == "pelvis" and self._pelvis is not None:
            self._pelvis.push(samples)
        return [event.row for event in self._pipeline.push(sensor, samples) if event.kind == "contact"]

    def end(self) -> Found:
        self._pipeline.flush()
        self._pipeline.check_usable()
        found: dict[str, list[Row]] = dict(self._pipeline.tables())
        if self._pelvis is not None and (rows := self._pelvis.rows()):
            found[FOUND_PELVIS.name] = rows
        return found


class _Attitude:
    """The attitude that steps are read from, at every sample instead of every step: the pipeline tells none.

    Where gravity is not known yet, and where session.json says nothing of the mounting, there is none.
    """

    def __init__(self, session: Session, params: Params) -> None:
        setup = session.sensors["pelvis"]
        self._mounting = setup.mounting
        self._every = max(1, round(setup.rate_hz / PELVIS_HZ))
        self._held: list[Samples] = []
        self._intake = Intake(params.intake, setup.rate_hz)
        self._pose = PelvisPose(params.pelvis, setup.rate_hz)

    def push(self, samples: Samples) -> None:
        # causal, and the same bits however it is cut: nothing is lost by waiting
        if self._mounting is not None:
            self._held.append(samples)

    def rows(self) -> list[Row]:
        if self._mounting is None:
            return []
        poses = [self._pose.push(self._intake.push(samples)) for samples in _joined(self._held)]
        pose = np.concatenate([np.empty(0, POSE), *poses])
        pose = pose[pose["known"] == 1][:: self._every]
        obliquity_deg, tilt_deg = attitude(pose["q"], pose["up"], self._mounting)
        columns: Mapping[str, list[int] | list[float]] = {
            "t_ns": pose["t_ns"].tolist(),
            "obliquity_deg": obliquity_deg.tolist(),
            "tilt_deg": tilt_deg.tolist(),
        }
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _joined(parts: list[Samples]) -> Iterable[Samples]:
    return (
        [Samples(*(np.concatenate([getattr(one, name) for one in parts]) for name in Samples.__slots__))]
        if parts
        else []
    )


def attitude(q: Floats, up: Floats, mounting: Floats) -> tuple[Floats, Floats]:
    """Obliquity and tilt (n,) in degrees of the pelvis, in Baker's order: what is left about the left axis is tilt.

    Args:
        q: (n, 4) wxyz, from sensor axes to a frame I.
        up: (n, 3) unit vectors in I, against gravity.
        mounting: (3, 3), rows = forward, left and up axes in sensor axes.
    """
    w, vector = q[:, :1], q[:, 1:]
    # into sensor axes: the conjugate's turn
    aside = 2.0 * np.cross(up, vector)
    seen = up + w * aside + np.cross(aside, vector)
    forward, left, upward = (seen @ axis for axis in mounting)
    return np.degrees(np.arcsin(np.clip(left, -1.0, 1.0))), np.degrees(np.arctan2(-forward, upward))
