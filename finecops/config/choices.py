"""Settings whose values other parts of finecops define: backends, box formats, formats of prediction files.

Those parts import the configurations, so they enter their dictionaries here. A file is then checked as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import AfterValidator

from finecops.names import unknown_name

CHOICES: dict[str, Mapping[str, object]] = {}
"""What a setting names → the dictionary with its allowed values."""


def one_of(what: str) -> AfterValidator:
    """Refuses a value that is no key of `CHOICES[what]`.

    A program that has not imported the part that enters it has no use for the value either; it is checked there again.
    """

    def check(value: str) -> str:
        if what in CHOICES and value not in CHOICES[what]:
            raise ValueError(unknown_name(what, value, CHOICES[what]))
        return value

    return AfterValidator(check)
