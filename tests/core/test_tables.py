import itertools

import pytest

from imu.core.tables import (
    ANALYSIS,
    AXES,
    CONTACTS,
    DIRECTIONS,
    EVENTS,
    PATTERNS,
    RAW,
    RAW_UNITS,
    REASONS,
    STEPS,
    STREAM,
    STRIDES,
    TREADMILL,
    TRUTH_CONTACTS,
    TRUTH_PELVIS,
    TRUTH_STEPS,
    quality_text,
)
from imu.core.units import TO_SI

ALL = [*ANALYSIS, EVENTS, STREAM, TREADMILL, RAW, TRUTH_CONTACTS, TRUTH_STEPS, TRUTH_PELVIS]
UNIT_OF_SUFFIX = {"_ns": "ns", "_s": "s", "_deg": "deg", "_m": "m", "_m_s": "m/s", "_spm": "1/min", "_pct": "%"}


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_a_table_is_described_once_and_whole(table):
    names = table.column_names
    assert len(set(names)) == len(names)
    assert set(table.sorted_by) <= set(names)
    for column in table.columns:
        assert column.meaning
        assert not (column.name in table.sorted_by and column.nullable), "null has no place in an order"


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_a_name_and_its_unit_agree(table):
    for column in table.columns:
        suffixes = [suffix for suffix in UNIT_OF_SUFFIX if column.name.endswith(suffix)]
        if suffixes:
            assert column.unit == UNIT_OF_SUFFIX[max(suffixes, key=len)], column.name


def test_the_names_other_programs_rely_on():
    assert CONTACTS.column_names == (
        "foot",
        "t_contact_ns",
        "t_second_ns",
        "t_release_ns",
        "pattern",
        "direction",
        "foot_angle_deg",
        "confidence",
        "t_provisional_ns",
        "t_emitted_ns",
        "quality",
    )
    assert STRIDES.column_names == (
        "foot",
        "stride_id",
        "t_start_ns",
        "t_end_ns",
        "t_release_ns",
        "stride_time_s",
        "stance_time_s",
        "swing_time_s",
        "stance_fraction",
        "stride_length_m",
        "speed_m_s",
        "direction",
        "pattern",
        "quality",
    )
    assert STEPS.column_names == (
        "stance_foot",
        "t_start_ns",
        "t_end_ns",
        "step_time_s",
        "cadence_spm",
        "direction",
        "pelvic_drop_deg",
        "pelvic_drop_robust_deg",
        "pelvic_drop_sd_deg",
        "pelvic_drop_peak_deg",
        "late_peak",
        "obliquity_rom_deg",
        "tilt_deg",
        "rotation_rom_deg",
        "quality",
    )
    assert RAW.column_names == ("t_ns", "seq", *AXES)


def test_codes_and_units():
    assert set(DIRECTIONS) == {"backward", "forward", "in_place", "uncertain"}
    assert set(PATTERNS) == {"toe_to_heel", "heel_to_toe", "flat", "uncertain"}
    assert set(RAW_UNITS.values()) == set(TO_SI)
    assert all(units[si] == 1.0 for si, units in TO_SI.items())


def test_quality_is_every_set_of_reasons_once():
    texts = set()
    for chosen in itertools.product([False, True], repeat=len(REASONS)):
        mask = sum(1 << bit for bit, on in enumerate(chosen) if on)
        text = quality_text(mask)
        reasons = text.split(";") if text else []
        assert reasons == sorted(reason for reason, on in zip(REASONS, chosen, strict=True) if on)
        texts.add(text)
    assert len(texts) == 2 ** len(REASONS)
