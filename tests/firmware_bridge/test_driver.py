"""Drivers as they are installed."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pytest

from firmware_bridge import driver, ogi
from firmware_bridge.driver import GROUP, BadDriver, DriverClash, drivers


class OfLastYear(ogi.Ogi):
    """Made before anything was found by its name."""

    def __getattribute__(self, name: str) -> Any:
        if name == "name_prefixes":
            raise AttributeError(name)
        return super().__getattribute__(name)


def installed(monkeypatch: pytest.MonkeyPatch, *found: tuple[str, str]) -> None:
    entries = [EntryPoint(name, value, GROUP) for name, value in found]
    monkeypatch.setattr(driver, "entry_points", lambda group: entries if group == GROUP else [])


def test_ours_are_installed():
    assert {entry.name for entry in entry_points(group=GROUP)} >= {"ogi", "dot"}
    for name, one in drivers().items():
        assert one.name == name
        assert one.service == one.service.lower()
        assert all(one.name_prefixes), "an empty one would be the name of all"


def test_a_driver_that_lacks_a_part_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch):
    installed(monkeypatch, ("ogi", "firmware_bridge.ogi:Ogi"), ("old", f"{__name__}:OfLastYear"))
    monkeypatch.setattr(EntryPoint, "load", lambda entry: OfLastYear if entry.name == "old" else ogi.Ogi)
    with pytest.raises(BadDriver) as refused:
        drivers()
    said = str(refused.value)
    assert said.startswith("driver 'old' (")
    assert "has no name_prefixes; want" in said
    assert "\n" not in said


def test_two_drivers_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch):
    installed(monkeypatch, ("ogi", "firmware_bridge.ogi:Ogi"), ("ogi", "firmware_bridge.dot:Dot"))
    with pytest.raises(DriverClash, match="two drivers are called 'ogi'"):
        drivers()
