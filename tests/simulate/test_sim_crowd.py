"""People drawn at random: who they are, and whether they walk."""

import numpy as np
import pytest

from imu.simulate import Protocol, Stand, Walk, as_worn, simulate, someone, usual_sensors


def test_the_same_seed_is_the_same_person_and_another_one_is_not():
    assert someone(3) == someone(3)
    assert someone(3) != someone(4)
    assert as_worn(usual_sensors(), 3) == as_worn(usual_sensors(), 3)
    assert as_worn(usual_sensors(), 3) != as_worn(usual_sensors(), 4)


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_everyone_can_be_and_walks_both_ways(first):
    for seed in range(first, first + 50):
        person = someone(seed)
        for direction, sign in (("forward", 1.0), ("backward", -1.0)):
            protocol = Protocol(segments=(Stand(seconds=1.0), Walk(direction=direction, steps=8), Stand(seconds=1.0)))
            recording = simulate(person, protocol, as_worn(usual_sensors(), seed), seed=seed)
            assert len(recording.truth_contacts) == 8
            t = np.array([0.0, recording.duration_s])
            assert sign * np.diff(recording.pelvis().pose(t)[0][:, 0])[0] > 0.5


def test_people_differ_as_the_ranges_say():
    people = [someone(seed) for seed in range(400)]
    steps_m = np.array([person.forward.step_length_m.mean for person in people])
    angles = np.array([person.backward.contact_angle_deg for person in people])
    assert steps_m.min() >= 0.56
    assert steps_m.max() <= 0.74
    assert np.ptp(steps_m) > 0.15
    assert angles.max() < 0.0, "backward everyone lands on the toes"
    assert 1.0 < np.std(angles[:, 0] - angles[:, 1]) < 10.0, "sides differ"
    off_deg = np.array([as_worn(usual_sensors(), seed)["foot_left"].strapped_deg for seed in range(400)])
    assert np.std(off_deg, axis=0) == pytest.approx([6.0, 8.0, 8.0], rel=0.15)
