"""The errors: a tree that is drawn in its docstring, each with its own code."""

import inspect
import re

import pytest

from auricle import errors
from auricle.errors import AuricleError
from auricle.model.receipt import Fault

EVERY = [error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, AuricleError)]


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.__name__)
def test_it_says_what_it_is(error: type[AuricleError]) -> None:
    made = error("What happened.", (Fault("", "r", "m"),), 3)
    assert (str(made), made.detail, made.faults, made.retry_after) == (
        "What happened.",
        "What happened.",
        (Fault("", "r", "m"),),
        3,
    )
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)
    assert 400 <= error.status < 600
    assert error.title
    assert (error.__doc__ or "").endswith(".")


def test_no_two_share_a_code() -> None:
    codes = [error.code for error in EVERY]
    assert sorted(codes) == sorted(set(codes))


def test_the_tree_is_drawn_as_it_grows() -> None:
    drawn = re.findall(r"[├└]── (\w+)\s+(\d{3})", errors.__doc__ or "")
    assert sorted(drawn) == sorted((error.__name__, str(error.status)) for error in EVERY if error is not AuricleError)


def test_what_may_be_tried_again() -> None:
    transient = {error.__name__ for error in EVERY if error.transient}
    assert transient == {"TooSlow", "TooManyRequests", "Unavailable", "StorageFull"}
