"""What the doors share: counts, results, and faults in a door's own words."""

import uuid

import pytest

from auricle.edge.entrance import Names, counted, fault_of_members, rejected, results, shared_members, single_reply
from auricle.errors import Unavailable
from auricle.model.receipt import Fault, Reason, Receipt, Rejected, Status

ID = str(uuid.UUID(int=1))
RAWS = [{"event_id": ID.upper()}, {}, 3, {}, {}]
RECEIPTS = [
    None,
    Receipt(1, ID, Status.DUPLICATE, conflict=True),
    Receipt(2, None, Status.REJECTED, Reason.NOT_AN_OBJECT),
    Receipt(3, ID, Status.DROPPED, Reason.NO_CONSENT),
    Receipt(4, ID, Status.RETRY),
]
WARNED = Receipt(5, ID, Status.STORED, warnings=(Fault("/attributes/a.b", "type", "no"),))


def test_receipts_are_counted() -> None:
    counts = {"duplicates": 1, "rejected": 1, "dropped": 1}
    assert counted(RECEIPTS[:4]) == {"accepted": 1, **counts}
    assert counted([*RECEIPTS[:4], WARNED])["accepted"] == 2
    assert counted(RECEIPTS, "ingested") == {"ingested": 1, **counts, "retry": 1}


def test_results_are_told_of_some_or_of_all() -> None:
    others = [{"index": index, **receipt.as_json()} for index, receipt in enumerate(RECEIPTS) if receipt]
    assert results(RAWS, RECEIPTS, everything=False) == others
    first = {"index": 0, "event_id": ID, "status": "stored"}
    assert results(RAWS, RECEIPTS, everything=True) == [first, *others]


def test_faults_are_retold() -> None:
    names = Names({"/attributes/a.b": "/b", "/attributes": "/payload", "/occurred_at": "/ts"})
    told = [("/attributes/a.b", "/b"), ("/attributes/a.bc", "/payload/a.bc"), ("/attributes", "/payload"), ("", "")]
    for theirs, ours in told:
        assert names.retell(Fault(theirs, "type", "no")) == Fault(ours, "type", "no")
    warning = Fault("/b", "type", "no")
    assert names.retold(WARNED) == Receipt(5, ID, Status.STORED, warnings=(warning,))
    assert names.retell(Fault("/occurred_at", "x", "`occurred_at` and `a.b`")) == Fault("/ts", "x", "`ts` and `b`")


def test_an_id_is_made_where_there_is_none() -> None:
    kept = {"event_id": ID, "user_id": "u", "context": {}}
    assert shared_members({**kept, "type": "x"}) == kept
    made = {shared_members(raw)["event_id"] for raw in ({}, {"event_id": None})}
    assert len(made) == 2
    assert all(uuid.UUID(one).version == 4 for one in made)


def test_members_that_are_not_known() -> None:
    assert fault_of_members({"a": 1}, ("a", "b")) is None
    fault = fault_of_members({"a": 1, "c/d~": 2}, ("a", "b"))
    assert fault == Fault("/c~1d~0", "additionalProperties", "There is no such member: remove it. Known are a, b.")


@pytest.mark.parametrize(
    ("raw", "reason", "event_id"),
    [
        pytest.param(3, Reason.NOT_AN_OBJECT, None, id="a number"),
        pytest.param({"event_id": ID.upper()}, Reason.ENVELOPE, ID, id="a good id"),
        pytest.param({"event_id": "<script>"}, Reason.ENVELOPE, None, id="no id"),
        pytest.param({"event_id": [ID]}, Reason.ENVELOPE, None, id="a list for an id"),
    ],
)
def test_a_rejection_repeats_no_more_than_an_id(raw: object, reason: Reason, event_id: str | None) -> None:
    fault = Fault("/x", "type", "no")
    assert rejected(raw, "/x", "type", "no") == Rejected(reason, (fault,), event_id, None)


def test_the_answers_to_one_event() -> None:
    statuses = [single_reply(raw, receipt).status_code for raw, receipt in zip(RAWS[:4], RECEIPTS[:4], strict=True)]
    assert statuses == [202, 200, 422, 202]
    assert single_reply({}, WARNED).status_code == 202
    for reason, status in ((Reason.TENANT, 403), (Reason.TOO_LARGE, 413)):
        assert single_reply({}, Receipt(0, ID, Status.REJECTED, reason)).status_code == status
    with pytest.raises(Unavailable):
        single_reply({}, RECEIPTS[4])
