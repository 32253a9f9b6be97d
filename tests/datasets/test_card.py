"""Cards are whole, and every data set has one."""

from importlib.resources import files

import pytest

from imu_datasets.card import BadCard, card_of, read_card
from imu_datasets.dataset import READERS, names

WHOLE = {
    "title": "Walks",
    "about": "Two people walked.",
    "licence": "CC0",
    "citation": "Nobody 2020",
    "figures": "published",
    "kind": "real",
    "frames": "x forward, y left, z up",
    "truth": {"contact": "the heel is down"},
}


def below(folder, suffix):
    """Names of files of the package, by what they hold."""
    return {
        path.name.removesuffix(suffix): path.read_text("utf-8")
        for path in (files("imu_datasets") / folder).iterdir()
        if path.name.endswith(suffix)
    }


def test_every_reader_has_a_card_and_every_card_a_reader():
    assert set(below("cards", ".toml")) == set(names())
    # modules that only help others have none
    readers = {name for name, text in below("readers", ".py").items() if "\ndef recordings(" in text}
    assert readers == set(READERS)


def test_no_index_is_of_nothing():
    assert set(below("indexes", ".json")) <= set(names())


@pytest.mark.parametrize("name", names())
def test_each_card_is_whole(name):
    card = read_card(name)
    assert card.name == name
    assert all(isinstance(meaning, str) and meaning for meaning in card.truth.values())


def test_what_its_owners_gave_no_licence_for_stays_private():
    assert read_card("gottlieb").figures == "private"


def test_a_card_says_what_it_was_told():
    card = card_of("walks", WHOLE)
    assert (card.name, card.figures, card.truth, card.differs, card.fetch) == (
        "walks",
        "published",
        WHOLE["truth"],
        "",
        None,
    )


@pytest.mark.parametrize("key", sorted(WHOLE))
def test_a_card_that_lacks_something_is_refused(key):
    with pytest.raises(BadCard, match=f"walks has no {key}; want title, about"):
        card_of("walks", {other: value for other, value in WHOLE.items() if other != key})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"figures": "secret"}, "has figures 'secret'; want published or private"),
        ({"colour": "red"}, "has colour; want title"),
        ({"licence": ""}, "has licence ''; want text"),
        ({"title": 7}, "has title 7; want text"),
        ({"truth": "none"}, "has truth 'none'; want a table"),
        ({"fetch": {}}, r"has fetch \{\}; want a table"),
    ],
)
def test_a_card_that_says_something_else_is_refused(change, said):
    with pytest.raises(BadCard, match=said):
        card_of("walks", WHOLE | change)


def test_a_card_that_is_not_there_is_one_line():
    with pytest.raises(BadCard, match=r"there is no card nowhere; want cards/nowhere\.toml in imu_datasets"):
        read_card("nowhere")
