"""How sentences of CONTRACT.md are put down, each with the check that it holds."""

from collections.abc import Callable
from typing import TypeAlias

from tests.contract.plain_reading import Found

Check: TypeAlias = Callable[[Found], None]


class Sentences(dict[str, Check]):
    """Each with its check; `holds` puts one down."""

    def holds(self, sentence: str) -> Callable[[Check], Check]:
        def note(check: Check) -> Check:
            assert sentence not in self
            self[sentence] = check
            return check

        return note
