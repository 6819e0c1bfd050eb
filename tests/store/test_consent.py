"""What persons said, on both databases: only changes are kept, the last word stands."""

from collections.abc import Iterable

import pytest
from sqlalchemy import Engine

from auricle.errors import Unavailable
from auricle.model.consent import Saying, Speaker
from auricle.store.consent import Consent, ConsentStore
from auricle.store.journal import Entry, FailedEvent, JournalStore

YES, NO = True, False


def say(database: Engine, words: Iterable[Saying], received_at: int = 99, tenant: str = "acme") -> None:
    """One request, by the way that all take: the journal."""
    JournalStore(database).commit([Entry(tenant, received_at, 0, b"", b"", {"dropped": 1}, (), tuple(words))])


def user(analytics: bool, said_at: int, subject: str = "ada") -> Saying:
    return Saying(Speaker.USER, subject, analytics, said_at)


@pytest.mark.parametrize(
    ("words", "last"),
    [
        pytest.param([(YES, 1)], None, id="an agreement is no change"),
        pytest.param([(NO, 1)], Consent(NO, 1, 0), id="a refusal"),
        pytest.param([(NO, 1), (NO, 2)], Consent(NO, 1, 0), id="said again"),
        pytest.param([(NO, 1), (YES, 2)], Consent(YES, 2, 1), id="taken back"),
        pytest.param([(NO, 1), (YES, 2), (YES, 3)], Consent(YES, 2, 1), id="taken back twice"),
        pytest.param([(NO, 1), (YES, 2), (NO, 3)], Consent(NO, 3, 2), id="refused once more"),
        pytest.param([(NO, 2), (YES, 1)], Consent(NO, 2, 0), id="an old agreement that comes late"),
        pytest.param([(NO, 1), (YES, 3), (NO, 2)], Consent(YES, 3, 1), id="an old refusal that comes late"),
        pytest.param([(NO, 1), (YES, 2), (NO, 2)], Consent(NO, 2, 2), id="of one moment the refusal stands"),
        pytest.param([(NO, 2), (YES, 2)], Consent(NO, 2, 0), id="of one moment the refusal stands, first"),
    ],
)
def test_the_last_word_stands(database: Engine, words: list[tuple[bool, int]], last: Consent | None) -> None:
    for received_at, (analytics, said_at) in enumerate(words):
        say(database, [user(analytics, said_at)], received_at)
    assert ConsentStore(database).find("acme", Speaker.USER, "ada") == last


def test_users_sessions_and_tenants_are_kept_apart(database: Engine) -> None:
    say(database, [user(NO, 1), Saying(Speaker.SESSION, "bob", NO, 2)])
    say(database, [Saying(Speaker.SESSION, "ada", YES, 5), user(YES, 5, "bob")])
    say(database, [user(YES, 5)], tenant="other")
    store = ConsentStore(database)
    found = {
        (tenant, speaker.value, one): store.find(tenant, speaker, one)
        for tenant in ("acme", "other")
        for speaker in Speaker
        for one in ("ada", "bob")
    }
    assert {key for key, value in found.items() if value} == {("acme", "user", "ada"), ("acme", "session", "bob")}
    assert (store.counts("acme"), store.counts("other")) == ({NO: 2, YES: 0}, {NO: 0, YES: 0})


def test_many_agreements_take_back_only_what_was_refused(database: Engine) -> None:
    everybody = [user(YES, 9, f"u{number}") for number in range(1_300)]
    say(database, [user(NO, 1, f"u{number}") for number in (0, 700, 1_299)] + [user(NO, 1, "else")])
    say(database, everybody)
    assert ConsentStore(database).counts("acme") == {NO: 1, YES: 3}


def test_a_word_is_kept_exactly_when_its_request_is(database: Engine) -> None:
    broken = FailedEvent("acme", "e", "n", "dropped", "no_consent", "", "", None, 1)  # type: ignore[arg-type]
    store = JournalStore(database)
    with pytest.raises(Unavailable):
        store.commit([Entry("acme", 1, 0, b"", b"", {"dropped": 1}, (broken,), (user(NO, 1),))])
    assert ConsentStore(database).counts("acme") == {NO: 0, YES: 0}
    assert store.counts("acme").get("dropped") is None


def test_an_id_with_a_nul_is_kept_and_found(database: Engine) -> None:
    say(database, [user(NO, 1, "a\0b")])
    assert ConsentStore(database).find("acme", Speaker.USER, "a\0b") == Consent(NO, 1, 99)
