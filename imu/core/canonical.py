"""One way to write JSON, so that equal contents are equal bytes."""

import json
from collections.abc import Mapping
from typing import Any


def canonical_json(document: Mapping[str, Any], *, indent: int | None = None) -> str:
    """Keys sorted, numbers as Python's shortest round-trip form. With `indent` it is a file and ends its last line.

    Raises:
        ValueError: for NaN and infinity, which JSON does not have.

    >>> canonical_json({"b": 0.1, "a": [1, None]})
    '{"a": [1, null], "b": 0.1}'
    """
    text = json.dumps(dict(document), sort_keys=True, allow_nan=False, ensure_ascii=False, indent=indent)
    # half a surrogate pair is a legal escape in JSON but no UTF-8; back to the escape it came from
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if indent is None else f"{text}\n"
