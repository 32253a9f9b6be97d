"""The signals of the page: binary frames, as the wire says, at most so often, with nothing late and no gap inside."""

import asyncio
import struct

import numpy as np
import pytest

from imu.core.samples import Samples
from imu.live.page.signals import MOST_POINTS, Signals
from imu.live.player import Heard
from tests.live.page.at_the_page import at_the_desk, listened, told
from tests.web.speaking import page


def samples(t_s, *, acc=None, gyr=None, seq=None):
    n = len(t_s)
    return Samples(
        np.round(np.asarray(t_s) * 1e9).astype(np.int64),
        np.arange(n) if seq is None else np.asarray(seq),
        np.zeros((n, 3)) if acc is None else np.asarray(acc, np.float64),
        np.zeros((n, 3)) if gyr is None else np.asarray(gyr, np.float64),
        np.zeros(n, bool),
    )


def decoded(frame):
    """As the page does: version, sensor, t_s, dt_s, (n, 2) values. Written from the wire's description."""
    version, sensor, n, reserved = struct.unpack_from("<BBHI", frame, 0)
    t_s, dt_s = struct.unpack_from("<dd", frame, 8)
    values = np.frombuffer(frame, "<f4", offset=24).reshape(-1, 2)
    assert (version, reserved, len(values)) == (1, 0, n)
    return sensor, t_s, dt_s, values


def test_signals_come_as_the_wire_says(run):
    rng = np.random.default_rng(5)
    t_s = 2.0 + np.arange(40) * 0.005
    acc, gyr = rng.normal(0, 10, (40, 3)), rng.normal(0, 3, (40, 3))
    mounting = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])

    async def main():
        async with at_the_desk() as (desk, port, _), page(port) as socket:
            desk.mountings = {"foot_right": mounting}
            await told(socket, "document")
            whole = samples(t_s, acc=acc, gyr=gyr)
            for part in range(0, 40, 10):
                desk.audience.tell(Heard("foot_right", whole[part : part + 10]))
                desk.audience.tell(Heard("pelvis", whole[part : part + 10]))
                await asyncio.sleep(0.02)
            got = {1: [], 2: []}
            while sum(len(values) for frames in got.values() for *_, values in frames) < 80:
                sensor, *rest = decoded(await told(socket, bytes))
                got[sensor].append(rest)
            for sensor, about_left in ((1, gyr[:, 2]), (2, np.linalg.norm(gyr, axis=1))):
                values = np.concatenate([values for *_, values in got[sensor]])
                np.testing.assert_allclose(values[:, 0], np.linalg.norm(acc, axis=1), rtol=1e-6)
                np.testing.assert_allclose(values[:, 1], about_left, rtol=1e-6)
                starts_s = np.concatenate([t0_s + dt_s * np.arange(len(v)) for t0_s, dt_s, v in got[sensor]])
                np.testing.assert_allclose(starts_s, t_s, atol=1e-9)

    run(main())


def test_signals_come_twenty_times_a_second_at_most(run):
    async def main():
        async with at_the_desk() as (desk, port, _), page(port) as socket:
            await told(socket, "document")

            async def walk():
                for n in range(10_000):
                    desk.audience.tell(
                        Heard("foot_left", samples(0.002 * n + np.arange(2) * 0.001, seq=[2 * n, 2 * n + 1]))
                    )
                    await asyncio.sleep(0.002)

            walking = asyncio.create_task(walk())
            frames = [frame for frame in await listened(socket, 0.6) if isinstance(frame, bytes)]
            walking.cancel()
            assert 3 <= len(frames) <= 13

    run(main())


def unknown(_sensor):
    return None


def test_a_frame_ends_at_a_gap():
    signals = Signals(unknown)
    rows = samples([0.0, 0.01, 0.02, 0.05, 0.06, 0.07, 0.08], seq=[0, 1, 2, 5, 6, 7, 8])
    signals.hear("pelvis", rows)
    signals.hear("foot_left", samples([1.0]))
    frames = [decoded(frame) for frame in signals.frames()]
    assert [(sensor, t_s, len(values)) for sensor, t_s, _, values in frames] == [(0, 1.0, 1), (2, 0.0, 3)]
    # the rest next time, with what came since; a clock that jumps is a gap too
    signals.hear("pelvis", samples([0.09, 0.14, 0.15], seq=[9, 10, 11]))
    ((sensor, t_s, dt_s, values),) = (decoded(frame) for frame in signals.frames())
    assert (sensor, t_s, len(values)) == (2, 0.05, 5)
    assert dt_s == pytest.approx(0.01)
    assert [decoded(frame)[1] for frame in signals.frames()] == [0.14]
    # of two the counter alone can tell
    dt_s = 0.01
    signals.hear("pelvis", samples([0.20, 0.25], seq=[16, 21]))
    frames = [decoded(frame) for _ in range(2) for frame in signals.frames()]
    assert [(t_s, dt_s, len(values)) for _, t_s, dt_s, values in frames] == [(0.2, dt_s, 1), (0.25, dt_s, 1)]
    assert list(signals.frames()) == []


def test_what_comes_late_or_twice_is_not_shown():
    signals = Signals(unknown)
    signals.hear("pelvis", samples([0.0, 0.01, 0.02]))
    assert len(list(signals.frames())) == 1
    signals.hear("pelvis", samples([0.01, 0.02, 0.03, 0.025, 0.04], seq=[1, 2, 3, 2, 4]))
    ((_, t_s, _, values),) = (decoded(frame) for frame in signals.frames())
    assert (t_s, len(values)) == (0.03, 2)


def test_fast_sensors_are_thinned_and_keep_their_peaks():
    signals = Signals(lambda _sensor: np.eye(3))
    n, peak = 997, 123
    acc, gyr = np.full((n, 3), 1.0), np.full((n, 3), 0.5)
    acc[peak], gyr[peak + 1] = 50.0, -9.0
    signals.hear("foot_left", samples(np.arange(n) * 0.001, acc=acc, gyr=gyr))
    ((_, t_s, dt_s, values),) = (decoded(frame) for frame in signals.frames())
    assert len(values) == 250
    assert (t_s, dt_s) == (0.0, pytest.approx(0.004))
    assert values[:, 0].max() == pytest.approx(50.0 * 3**0.5)
    assert values[:, 1].min() == -9.0
    assert np.argmax(values[:, 0]) == peak // 4


def test_what_waits_is_bounded():
    signals = Signals(unknown)
    for n in range(3000):
        signals.hear("foot_left", samples(n * 0.05 + np.arange(10) * 0.005, seq=n * 10 + np.arange(10)))
    ((_, t_s, _, values),) = (decoded(frame) for frame in signals.frames())
    assert len(values) == MOST_POINTS
    assert t_s + (MOST_POINTS - 1) * 0.005 == pytest.approx(2999 * 0.05 + 0.045)
    assert list(signals.frames()) == []
    signals.hear("foot_left", samples([500.0]))
    signals.forget()
    assert list(signals.frames()) == []
