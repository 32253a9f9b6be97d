"""The page's wire, in text: what is a command and what is none, and which parts of the document are told."""

import json

import pytest

from imu.live.desk.wire import COMMANDS, LONGEST_TEXT, BadCommand, Parts, document_text, members, parse_command
from tests.live.page.at_the_page import EVERY_COMMAND


def test_every_command_of_the_wire_is_understood():
    for command in EVERY_COMMAND:
        assert dict(parse_command(json.dumps(command))) == command
    assert {command["do"] for command in EVERY_COMMAND} == set(COMMANDS)


BAD = {
    b"\x00\x01": "binary",
    "": "an object of JSON",
    "{": "an object of JSON",
    "nonsense " * 1000: "an object of JSON",
    "[" * 8000: "an object of JSON",
    '{"do": "belt", "speed": NaN}': "an object of JSON",
    "1" * 5000: "an object of JSON",
    "[]": "want an object",
    "null": "want an object",
    '"start"': "want an object",
    "{}": "want one of subject",
    '{"do": null}': "want one of subject",
    '{"do": ["start"]}': "want one of subject",
    '{"do": "faster"}': "'faster'|faster; want one of subject",
    '{"do": "\\ud800"}': "want one of subject",
    '{"do": "start", "now": true}': "start got now; want nothing with it",
    '{"do": "bind", "serial": "A1"}': "bind got no sensor; want text",
    '{"do": "bind", "serial": 1, "sensor": "pelvis"}': "bind got serial 1; want text",
    '{"do": "check", "id": "x", "done": 1}': "check got done 1; want true or false",
    '{"do": "cue", "high": true}': "cue got high True; want a number or null",
    '{"do": "cue", "high": "5"}': "cue got high 5; want a number or null",
    '{"do": "cue", "hold": null}': "cue got hold None; want a number",
    '{"do": "cue", "high": 1e999}': "cue got high inf; want at most",
    f'{{"do": "cue", "high": {"9" * 400}}}': "want at most",
    '{"do": "note_of", "key": "rails", "value": {"a": 1}}': "note_of got value",
    '{"do": "note", "text": "\\ud800"}': "half a character",
    json.dumps(
        {"do": "note", "text": "x" * (LONGEST_TEXT + 1)}
    ): "note got a text of 2001 characters; want at most 2000",
}


@pytest.mark.parametrize("said", BAD, ids=range(len(BAD)))
def test_what_is_no_command_is_refused_with_one_short_line(said):
    with pytest.raises(BadCommand, match=BAD[said]) as refused:
        parse_command(said)
    assert len(str(refused.value)) < 300
    assert "\n" not in str(refused.value)
    str(refused.value).encode()


def test_parts_that_did_not_change_are_not_told():
    parts = Parts()
    document = {"a": {"x": 1, "y": [1, 2]}, "b": None, "c": 1.0}
    assert json.loads(parts.changed(members(document).texts)) == {"type": "update", **document}
    assert parts.changed(members({"c": 1.0, "b": None, "a": {"y": [1, 2], "x": 1}}).texts) is None
    document["a"]["y"].append(3)
    assert json.loads(parts.changed(members(document).texts)) == {"type": "update", "a": document["a"]}
    assert json.loads(document_text(members(document).texts)) == {"type": "document", **document}
