"""The pages: what is served, under which policy, and that nothing else of the disk is."""

import pytest

from running import Service

POLICY = {"content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy", "cache-control"}


def test_the_page_is_for_everybody_under_a_strict_policy(service: Service) -> None:
    answer = service.ask("GET", "/")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-cache")
    assert set(answer.headers) >= POLICY
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert b"Auricle" in answer.body
    assert b"<script>" not in answer.body
    assert b"<style" not in answer.body


def test_a_part_comes_compressed_to_whom_it_may(service: Service) -> None:
    plain = service.ask("GET", "/assets/plain.css", headers={"Accept-Encoding": "identity"})
    packed = service.ask("GET", "/assets/plain.css", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert (packed.status, packed.headers["content-encoding"], packed.headers["vary"]) == (
        200,
        "gzip",
        "Accept-Encoding",
    )
    # The client has unpacked it.
    assert packed.body == plain.body
    assert int(packed.headers["content-length"]) < len(plain.body)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../index.html",
        "/assets/..%2fapp.py",
        "/assets/%2e%2e%2f%2e%2e%2fapp.py",
        "/assets//etc/passwd",
        "/assets/%2fetc%2fpasswd",
        "/assets/plain.css%00.js",
        "/assets/",
        "/assets",
        "/index.html",
    ],
)
def test_no_other_file_is_reached(service: Service, path: str) -> None:
    assert service.ask("GET", path).status == 404


def test_the_client_for_pages_may_be_loaded_by_any_of_them(service: Service) -> None:
    answer = service.ask("GET", "/sdk/auricle.js")
    if answer.status == 404:
        pytest.skip("the client for pages was not built here")
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (
        "text/javascript; charset=utf-8",
        "public, max-age=3600",
    )
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.body.startswith(b'"use strict";var auricle=')
