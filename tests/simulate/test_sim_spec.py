import dataclasses
import re

import pytest

from imu.core.errors import BadSpec
from imu.simulate import Person, Stand, Turn, Walk, load_spec, named, names, simulate, usual_sensors
from imu.simulate.library import text
from imu.simulate.limits import Sides
from imu.simulate.placements import PLACEMENTS, Restrapping, mirrored
from imu.simulate.spec import parse_spec

SHORT = '[protocol]\nsegments = [{ do = "stand", seconds = 2 }]\n'


def test_what_is_not_said_has_its_default():
    person, protocol, sensors = parse_spec(SHORT, "x")
    assert person == Person()
    assert protocol.segments == (Stand(seconds=2.0),)
    assert sensors == usual_sensors()


def test_every_key_of_every_table_can_be_said():
    spec = parse_spec(
        """
        [person]
        first_foot = "left"
        stride_time_sd_s = 0.03
        [person.forward]
        cadence_spm = 100
        contact_angle_deg = { left = 15, right = -10.5 }
        drop_deg = 7
        [protocol]
        surface = "treadmill"
        duration_s = 90
        segments = [
            { do = "walk", direction = "backward", steps = 8, cadence_spm = 90 },
            { do = "turn", degrees = -90 },
        ]
        [sensors.every]
        rate_hz = 100
        [sensors.every.noise]
        gyr_bias_rad_s = [0.01, 0, -0.02]
        [sensors.foot_right]
        mounting = [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]
        [sensors.foot_right.link]
        packet_samples = 5
        gaps_s = [[1, 2.5], [4, 5]]
        [sensors.foot_right.noise]
        bits = 12
        """,
        "x",
    )
    assert spec.person.first_foot == "left"
    assert spec.person.forward.contact_angle_deg == Sides(15.0, -10.5)
    assert spec.person.forward.drop_deg == Sides(7.0, 7.0)
    assert spec.person.backward == Person().backward
    assert spec.protocol.segments == (Walk(direction="backward", steps=8, cadence_spm=90.0), Turn(degrees=-90.0))
    assert (spec.protocol.surface, spec.protocol.duration_s) == ("treadmill", 90.0)
    assert list(spec.sensors) == ["foot_right"], "sensors that are named are worn, and no others"
    right = spec.sensors["foot_right"]
    assert (right.rate_hz, right.link.gaps_s, right.noise.bits) == (100.0, ((1.0, 2.5), (4.0, 5.0)), 12)
    assert right.noise.gyr_bias_rad_s == (0.01, 0.0, -0.02)
    assert right.placement == "dorsum", "over the usual one"


def test_a_sensor_is_placed_by_name():
    spec = parse_spec(
        SHORT
        + """
        [sensors.foot_left]
        placement = "heel_counter"
        [sensors.foot_right]
        placement = "toe_cap"
        strapped_deg = [1, 2, 3]
        restrapped = [{ t_s = 60, strapped_deg = [0, 20, 0], off_s = 8 }, { t_s = 90, strapped_deg = [4, 5, 6] }]
        [sensors.pelvis]
        placement = "iliac_crest_right"
        [sensors.every.noise]
        gyr_drift_rad_s = 0.004
        acc_cross_deg = [[0, 1, 0], [0, 0, -0.5], [0, 0, 0]]
        [sensors.every.clock]
        wander_ppm = 20
        """,
        "x",
    )
    left, right, pelvis = spec.sensors.values()
    place = PLACEMENTS["heel_counter"]
    assert (left.position_m, left.mounting, left.strapped_deg) == place[1:]
    assert right.position_m == PLACEMENTS["toe_cap"].position_m
    assert (right.strapped_deg, right.segment) == ((1.0, 2.0, 3.0), "toes")
    assert right.restrapped == (
        Restrapping(t_s=60.0, strapped_deg=(0.0, 20.0, 0.0), off_s=8.0),
        Restrapping(t_s=90.0, strapped_deg=(4.0, 5.0, 6.0)),
    )
    assert pelvis.mounting == PLACEMENTS["iliac_crest_right"].mounting
    assert (pelvis.noise.gyr_drift_rad_s, pelvis.clock.wander_ppm) == (0.004, 20.0)
    assert pelvis.noise.acc_cross_deg[1] == (0.0, 0.0, -0.5)
    everywhere = parse_spec(SHORT + '[sensors.every]\nplacement = "heel_counter"\n[sensors.foot_right]', "x").sensors
    assert everywhere["foot_right"].strapped_deg == mirrored(place).strapped_deg


def test_a_free_name_says_where_it_is():
    said = '[sensors.foot_left]\nplacement = "ankle"\nposition_m = [-0.06, 0.03, 0.1]'
    model = parse_spec(SHORT + said, "x").sensors["foot_left"]
    assert (model.placement, model.position_m, model.segment) == ("ankle", (-0.06, 0.03, 0.1), None)
    assert model.strapped_deg == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ("[protocol]\n", "protocol has no segments"),
        ("", "protocol has no segments"),
        ("segments = oops", "is no TOML"),
        ("[persn]\n" + SHORT, "unknown key 'persn'.*did you mean person"),
        ("[person]\ncadance = 3\n" + SHORT, "person has an unknown key 'cadance'"),
        ("[person.forward]\ncadence = 3\n" + SHORT, "person.forward.*'cadence'.*did you mean cadence_spm"),
        ("[person.forward]\ncadence_spm = 1080\n" + SHORT, "person.forward: cadence_spm is 1080"),
        ('[person.forward]\ncadence_spm = "108"\n' + SHORT, "'108'; want a number"),
        ("[person.forward]\ncadence_spm = true\n" + SHORT, "True; want a number"),
        ("[person.forward]\ndrop_deg = { left = 3 }\n" + SHORT, "has left only"),
        ("[person.forward]\ndrop_deg = { left = 3, rigth = 3 }\n" + SHORT, "did you mean right"),
        ("[person]\nforward = 3\n" + SHORT, "person.forward is 3; want a table"),
        ('[person]\nfirst_foot = "rihgt"\n' + SHORT, "did you mean right"),
        ('[protocol]\nsegments = [{ do = "wlak", seconds = 2 }]', "did you mean walk"),
        ("[protocol]\nsegments = [{ seconds = 2 }]", r"segments\[0\].do is None"),
        ('[protocol]\nsegments = [{ do = "stand" }]', r"segments\[0\] has no seconds"),
        ('[protocol]\nsegments = [{ do = "turn", degrees = 2 }]', r"segments\[0\]: degrees is 2"),
        ('[protocol]\nsegments = [{ do = "stand", secs = 2 }]', "unknown key 'secs'"),
        ('[protocol]\nsegments = { do = "stand" }', "want a list"),
        ("[protocol]\nsegments = [3]", r"segments\[0\] is 3; want a table"),
        (SHORT + "[sensors.foot_lef]\n", "did you mean foot_left"),
        (SHORT + "[sensors.pelvis]\nposition_m = [0, 0]", "has 2 items; want 3"),
        (SHORT + "[sensors.pelvis.link]\npacket_samples = 2.5", "want a whole number"),
        (SHORT + "[sensors.every.noise]\nbits = 99", "sensors.every.noise: bits is 99"),
        (SHORT + '[sensors.foot_left]\nplacement = "heel"', "foot_left: placement is 'heel'.*heel_counter"),
        (SHORT + '[sensors.foot_left]\nplacement = "l5"', "foot_left: placement is 'l5'; want one on the foot: dorsum"),
        (SHORT + '[sensors.every]\nplacement = "toe_cap"', "sensors.pelvis: placement is 'toe_cap'"),
        (SHORT + "[sensors.pelvis]\nrestrapped = [{ t_s = 3 }]", "restrapped has no strapped_deg"),
    ],
)
def test_slips_are_named_in_one_line(said, match):
    with pytest.raises(BadSpec, match=match) as caught:
        parse_spec(said, "mine.toml")
    assert str(caught.value).startswith("mine.toml")
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there_or_no_text_are_refused(tmp_path):
    with pytest.raises(BadSpec, match="is not there"):
        load_spec(tmp_path / "nowhere.toml")
    with pytest.raises(BadSpec, match="can't be read"):
        load_spec(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSpec, match="can't be read"):
        load_spec(tmp_path / "bytes.toml")


@pytest.mark.parametrize("name", names())
def test_each_named_simulation_can_be_walked_and_copied(name, tmp_path):
    (tmp_path / "copy.toml").write_text(text(name), "utf-8")
    spec = load_spec(tmp_path / "copy.toml")
    assert spec == named(name)
    recording = simulate(*spec, seed=1)
    assert len(recording.truth_contacts) > 20
    first = next(iter(recording.samples("foot_left", 2.0)))
    assert len(first) > 100


def test_the_library_is_there():
    assert {"demo", "steady-backward", "hip-drop", "ten-minutes"} <= set(names())
    with pytest.raises(BadSpec, match=re.escape("demo")):
        named("dmo")


def test_parameters_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        named("demo").person.first_foot = "left"


@pytest.mark.parametrize(
    "text",
    [
        '[protocol]\nsegments = [{ do = ["stand"], seconds = 3 }]',
        f"[protocol]\nsegments = [{{ do = 'stand', seconds = {'9' * 400} }}]",
        f"[protocol]\nsegments = [{{ do = 'stand', seconds = {'9' * 5000} }}]",
        "a = " + "[" * 2000 + "]" * 2000,
        "[protocol]\nsegments = [{ do = 'stand', seconds = 3 }]\n"
        "[sensors.every]\nmounting = [[nan, 0, 0], [0, 1, 0], [0, 0, 1]]",
    ],
)
def test_whatever_a_file_says_the_answer_is_one_clear_line(text):
    with pytest.raises(BadSpec, match="want"):
        parse_spec(text, "mine.toml")
