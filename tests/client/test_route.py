"""Paths that name one thing are counted as one."""

from typing import Any

import pytest

from auricle.client.route import LONGEST, template

CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "nothing to name": ("/pricing", {}, "/pricing"),
    "the root": ("/", {}, "/"),
    "an empty path": ("", {}, "/"),
    "a parameter": ("/users/jane", {"name": "jane"}, "/users/{name}"),
    "a parameter that was turned into a number": ("/users/17", {"id": 17}, "/users/{id}"),
    "the last place of a value": ("/1/users/1", {"id": "1"}, "/{id}/users/{id}"),
    "a parameter that is part of a part": ("/v1/1", {"id": "1"}, "/v1/{id}"),
    "a parameter over several parts": ("/files/a/b.txt", {"path": "a/b.txt"}, "/files/{path}"),
    "a parameter that is nowhere": ("/x", {"y": "z", "empty": ""}, "/x"),
    "a number": ("/users/17/edit", {}, "/users/{id}/edit"),
    "a UUID": ("/o/7d3c1f00-0000-4000-8000-000000000001", {}, "/o/{id}"),
    "a mark": ("/reset/aGVsbG8gd29ybGQ0NTY3", {}, "/reset/{id}"),
    "an address": ("/users/jane@example.org", {}, "/users/{id}"),
    "a version": ("/v1/users", {}, "/v1/users"),
    "a long word": ("/internationalisation-settings", {}, "/internationalisation-settings"),
}


@pytest.mark.parametrize("name", list(CASES))
def test_the_template_is(name: str) -> None:
    path, parameters, expected = CASES[name]
    assert template(path, parameters) == expected


def test_it_has_an_end() -> None:
    assert len(template("/x" * 10_000)) == LONGEST
