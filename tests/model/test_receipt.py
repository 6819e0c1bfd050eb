"""The receipt as it stands in answers."""

from typing import Any

import pytest

from auricle.model.receipt import Fault, Reason, Receipt, Status

FAULT = Fault("/source", "enum", "must be one of …")


@pytest.mark.parametrize(
    ("receipt", "expected"),
    [
        pytest.param(Receipt(0, "id", Status.STORED), {"event_id": "id", "status": "stored"}, id="stored"),
        pytest.param(
            Receipt(7, "id", Status.DUPLICATE, conflict=True),
            {"event_id": "id", "status": "duplicate", "conflict": True},
            id="a conflict",
        ),
        pytest.param(
            Receipt(1, None, Status.REJECTED, Reason.ENVELOPE, (FAULT,)),
            {
                "event_id": None,
                "status": "rejected",
                "reason": "envelope",
                "errors": [{"pointer": "/source", "rule": "enum", "message": "must be one of …"}],
            },
            id="rejected",
        ),
        pytest.param(
            Receipt(1, "id", Status.DROPPED, Reason.NO_CONSENT),
            {"event_id": "id", "status": "dropped", "reason": "no_consent"},
            id="dropped",
        ),
        pytest.param(Receipt(1, None, Status.RETRY), {"event_id": None, "status": "retry"}, id="retry"),
    ],
)
def test_as_json(receipt: Receipt, expected: dict[str, Any]) -> None:
    assert receipt.as_json() == expected
