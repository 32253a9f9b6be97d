"""What tests of a committed picture share: its script, and its skeleton."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def load_script(path: Path) -> ModuleType:
    """A script of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def skeleton(svg: str) -> tuple[list[str], list[float]]:
    """Every tag, attribute and text in order, numbers left out; and the numbers."""
    numbers: list[float] = []
    words: list[str] = []
    for node in ElementTree.fromstring(svg).iter():
        for said in (node.tag, *(f"{name}={value}" for name, value in node.items()), (node.text or "").strip()):
            words.append(NUMBER.sub("#", said))
            numbers += map(float, NUMBER.findall(said))
    return words, numbers
