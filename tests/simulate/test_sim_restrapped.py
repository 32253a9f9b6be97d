import dataclasses
import math

import numpy as np
import pytest

from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.simulate import Person, Protocol, SensorModel, Stand, simulate
from imu.simulate.kinematics import Readings, attitude, readings
from imu.simulate.link import joined
from imu.simulate.placements import PLACEMENTS, Restrapping
from imu.simulate.quintic import Knots
from imu.simulate.sensors import sampled_at
from tests.simulate.sensed import ALIGNED, AT_REST, numbers, perfect, random_readings, sensed


def tumbling(t):
    """Readings of a body that turns about all three axes, and its attitude (n, 3, 3)."""
    w, a = np.array([[0.9], [1.3], [0.7]]), np.array([[0.5], [0.3], [0.8]])
    angles = Knots(a * np.sin(w * t), a * w * np.cos(w * t), -a * w**2 * np.sin(w * t))
    bend = np.stack([2.0 * np.sin(3.0 * t), np.cos(2.0 * t), 3.0 * np.sin(t)])
    return readings(bend, angles, np.zeros(3)), attitude(angles.value), bend.T + AT_REST


def integrated(rate_hz, gyr, begin):
    """Attitudes (n, 3, 3) from angular rates in sensor axes, by the midpoint of each pair of samples."""
    turned, found = begin, [begin]
    for w in 0.5 * (gyr[:-1] + gyr[1:]) / rate_hz:
        x = np.array([[0, -w[2], w[1]], [w[2], 0, -w[0]], [-w[1], w[0], 0]])
        angle = np.linalg.norm(w)
        turned = turned @ (np.eye(3) + np.sinc(angle / np.pi) * x + 0.5 * np.sinc(0.5 * angle / np.pi) ** 2 * x @ x)
        found.append(turned)
    return np.array(found)


def test_a_restrapped_sensor_integrates_to_its_new_seat_and_feels_gravity_all_the_way():
    model = SensorModel(
        placement="heel_counter",
        strapped_deg=(5.0, -10.0, 20.0),
        restrapped=(
            Restrapping(t_s=1.0, strapped_deg=(-15.0, 12.0, 8.0), off_s=3.0),
            Restrapping(t_s=5.0, strapped_deg=(30.0, 12.0, -8.0), off_s=1.5, by_hand_deg=(0.0, -90.0, 120.0)),
        ),
        noise=perfect(),
    )
    worst = []
    for rate_hz in (100.0, 400.0):
        model = dataclasses.replace(model, rate_hz=rate_hz)
        t = sampled_at(model, numbers(round(8.0 * rate_hz)))
        true, body, force = tumbling(t)
        samples = sensed(model, true)
        found = integrated(rate_hz, samples.gyr, body[0] @ model.axes())
        felt = np.einsum("nij,nj->ni", found, samples.acc) - force
        seats = [dataclasses.replace(model, strapped_deg=r.strapped_deg).axes() for r in model.restrapped]
        ends = [found[t < 5.0][-1] - body[t < 5.0][-1] @ seats[0], found[-1] - body[-1] @ seats[1]]
        worst.append([np.abs(felt).max(), *(np.abs(end).max() for end in ends)])
    assert (np.array(worst[1]) < np.array(worst[0]) / 12.0).all(), "second order"
    assert max(worst[1]) < 2e-3, worst


def test_in_the_hand_it_is_turned_smoothly_and_not_by_a_step():
    event = Restrapping(t_s=2.0, strapped_deg=(0.0, 25.0, 0.0), off_s=4.0)
    model = dataclasses.replace(ALIGNED, noise=perfect(), restrapped=(event,))
    still = Readings(np.tile(AT_REST, (1600, 1)), np.zeros((1600, 3)))
    samples, t = sensed(model, still), numbers(1600) / 200.0
    handled = (t > event.t_s) & (t < event.t_s + event.off_s)
    assert not samples.gyr[~handled].any()
    assert np.linalg.norm(samples.gyr, axis=1).max() > math.radians(30.0)
    assert np.abs(np.diff(samples.gyr, axis=0)).max() < 0.1
    assert np.abs(np.diff(samples.acc, axis=0)).max() < 0.2
    np.testing.assert_allclose(np.linalg.norm(samples.acc, axis=1), STANDARD_GRAVITY_M_S2)
    turned = math.radians(25.0)
    np.testing.assert_allclose(
        samples.acc[-1] / STANDARD_GRAVITY_M_S2, [-math.sin(turned), 0.0, math.cos(turned)], atol=1e-12
    )


def test_a_sensor_that_slips_has_other_axes_from_that_sample_on():
    seat = (3.0, -12.0, 7.0)
    model = dataclasses.replace(ALIGNED, noise=perfect(), restrapped=(Restrapping(t_s=1.0, strapped_deg=seat),))
    true = random_readings(4, 400)
    samples = sensed(model, true)
    after = dataclasses.replace(ALIGNED, strapped_deg=seat).axes()
    for read, truth in ((samples.acc, true.acc), (samples.gyr, true.gyr)):
        np.testing.assert_allclose(read[:200], truth[:200], atol=1e-13)
        np.testing.assert_allclose(read[200:], truth[200:] @ after, atol=1e-13)


def test_the_session_states_the_nominal_mounting_all_the_same():
    model = SensorModel(placement="heel_counter", restrapped=(Restrapping(t_s=1.0, strapped_deg=(0.0, 40.0, 0.0)),))
    recording = simulate(Person(), Protocol(segments=(Stand(seconds=3.0),)), {"foot_left": model}, seed=1)
    setup = recording.session.sensors["foot_left"]
    assert (setup.mounting == np.array(PLACEMENTS["heel_counter"].mounting)).all()
    acc = joined(list(recording.samples("foot_left"))).acc @ setup.mounting.T
    tilts = np.degrees(np.arctan2(-acc[:, 0], acc[:, 2]))
    assert tilts[:190].mean() == pytest.approx(model.strapped_deg[1], abs=0.1)
    assert tilts[-190:].mean() == pytest.approx(40.0, abs=0.1)
