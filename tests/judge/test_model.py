"""The judge that asks a model, through the real clients over a real socket: right, slow and broken in every way."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from auricle import clock
from auricle.judge.choice import chosen_judge
from auricle.judge.model import ModelJudge
from auricle.judge.rubric import BUILT_IN
from auricle.judge.run import RulesJudge
from auricle.model.evaluation import Case, Entry, Interaction, Judgement, PutOff
from auricle.settings import Settings
from auricle.store.database import open_database
from auricle.store.spending import SpendingStore, Spent
from auricle.store.tables import judge_days, judge_pauses
from fake_model import GOOD, USAGE, FakeModel, fake_model

NAMES = [rubric.name for rubric in BUILT_IN]


MADE: list[ModelJudge] = []
"""The judges of a test, which are closed at its end."""


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module")
def one_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_database(Settings(data=tmp_path_factory.mktemp("ledger")))
    yield engine
    engine.dispose()


@pytest.fixture
def ledger(one_database: Engine) -> Engine:
    """A database in which nothing was spent and nobody is paused; both kinds of it: tests/store/test_spending.py."""
    with one_database.begin() as connection:
        for table in (judge_days, judge_pauses):
            connection.execute(table.delete())
    return one_database


@pytest.fixture(autouse=True)
def _run_in_one_loop(runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A client belongs to its event loop, so all of a test runs in one."""
    monkeypatch.setattr(asyncio, "run", runner.run)
    yield
    while MADE:
        runner.run(MADE.pop().close())


@pytest.fixture
def model() -> Iterator[FakeModel]:
    with fake_model() as listening:
        yield listening


@pytest.fixture(params=["gemini", "openai"])
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def settings_for(model: FakeModel, wire: str, **more: Any) -> Settings:
    told = {
        "gemini": {"gemini_api_key": SecretStr(model.key), "gemini_url": model.url},
        "openai": {"openai_api_key": SecretStr(model.key), "openai_url": f"{model.url}/v1"},
    }
    return Settings(**(told[wire] | more))


def judge_of(ledger: Engine, settings: Settings) -> ModelJudge:
    judge = chosen_judge(settings, SpendingStore(ledger))
    assert isinstance(judge, ModelJudge)
    MADE.append(judge)
    return judge


def case(question: str, number: int = 1, attempts: int = 0) -> Case:
    entry = Entry(number, "acme", f"q{number}", 0, 0, attempts, "lease")
    return Case(entry, Interaction(f"q{number}", 0, "", "voice", question, "Here it is."), BUILT_IN)


def judged(judge: ModelJudge, *cases: Case) -> dict[str, Judgement | PutOff]:
    """What is said of each case, by its query id."""

    async def run() -> dict[str, Judgement | PutOff]:
        return {one.entry.query_id: said async for some in judge.judged(cases) for one, said in some}

    return asyncio.run(run())


def one(judge: ModelJudge, question: str, attempts: int = 0) -> Judgement | PutOff:
    return judged(judge, case(question, attempts=attempts))["q1"]


def test_a_right_reply_is_a_score_for_each_rubric(ledger: Engine, model: FakeModel, wire: str) -> None:
    judge = judge_of(ledger, settings_for(model, wire))
    said = one(judge, "right")
    assert isinstance(said, Judgement)
    assert [(each.rubric.name, each.value, each.explanation, each.reason) for each in said.verdicts] == [
        (name, GOOD, f"It was {name}.", None) for name in NAMES
    ]
    usage = said.usage
    assert (usage.model, usage.input_tokens, usage.output_tokens) == (
        "gemini-fake-001" if wire == "gemini" else "gpt-fake-001",
        *USAGE,
    )
    assert usage.cost_usd == pytest.approx(USAGE[0] * 0.3e-6 + USAGE[1] * 2.5e-6)
    assert (usage.latency_ms or 0) > 0
    assert judge.spent == Spent(sum(USAGE), round(usage.cost_usd * 1e9))
    (body,) = model.bodies
    assert ("gemini_api_key" in repr(body), "right-key" in repr(body)) == (False, False)


BROKEN = {
    "truncated": "truncated",
    "prose": "not_json",
    "empty": "empty",
    "wrong json": "wrong_shape",
    "list": "wrong_shape",
    "twice": "not_json",
    "nan": "not_json",
    "wrong check": "wrong_check",
    "more": "wrong_shape",
    "400": "refused",
}


@pytest.mark.parametrize(("what", "reason"), BROKEN.items(), ids=list(BROKEN))
def test_a_reply_that_cannot_be_used_is_asked_for_again_and_never_guessed(
    ledger: Engine, model: FakeModel, wire: str, what: str, reason: str
) -> None:
    judge = judge_of(ledger, settings_for(model, wire))
    first = one(judge, what)
    assert isinstance(first, PutOff)
    assert (first.reason, first.counts) == (reason, True)
    last = one(judge, what, attempts=2)
    assert isinstance(last, Judgement)
    assert [(each.value, each.reason) for each in last.verdicts] == [(None, reason)] * len(BUILT_IN)


HALF = {
    "out of scale": "out_of_scale",
    "text": "not_a_whole_number",
    "half": "not_a_whole_number",
    "true": "not_a_whole_number",
    "null": "not_applicable",
}


@pytest.mark.parametrize(("what", "reason"), HALF.items(), ids=list(HALF))
def test_a_verdict_outside_the_scale_is_none_and_the_others_stand(
    ledger: Engine, model: FakeModel, what: str, reason: str
) -> None:
    said = one(judge_of(ledger, settings_for(model, "gemini")), what)
    assert isinstance(said, Judgement)
    told = {each.rubric.name: (each.value, each.reason) for each in said.verdicts}
    assert told == {name: (None, reason) if name == "overall" else (GOOD, None) for name in NAMES}


def test_what_the_provider_blocks_is_not_asked_again(ledger: Engine, model: FakeModel, wire: str) -> None:
    said = one(judge_of(ledger, settings_for(model, wire)), "blocked")
    assert isinstance(said, Judgement)
    assert {each.reason for each in said.verdicts} == {"blocked"}


AWAY = ["500", "503", "nonsense", "cut"]


@pytest.mark.parametrize(("what", "kind"), [("429", "busy"), *((what, "away") for what in AWAY)])
def test_trouble_costs_no_attempt_and_makes_the_judge_rest(
    ledger: Engine, model: FakeModel, wire: str, what: str, kind: str
) -> None:
    judge = judge_of(ledger, settings_for(model, wire))
    said = one(judge, what)
    assert isinstance(said, PutOff)
    assert (said.reason, said.counts) == (kind, False)
    low, high = (1.0, 1.5) if kind == "busy" else (2.0, 3.0)
    assert low <= said.seconds <= high, "as told by Retry-After, or backing off; with jitter on top"
    rest = asyncio.run(judge.rest())
    assert rest is not None
    assert rest.reason == kind
    asked = len(model.asked)
    assert isinstance(one(judge, "right"), PutOff)
    assert len(model.asked) == asked, "nobody is asked while it rests"
    if kind == "busy":
        assert judge.spent == Spent(), "what was refused is not paid for"


def test_a_provider_that_is_gone_or_too_slow_is_away(ledger: Engine, model: FakeModel, wire: str) -> None:
    slow = judge_of(ledger, settings_for(model, wire, judge_timeout=0.3))
    said = one(slow, "slow")
    assert isinstance(said, PutOff)
    assert said.reason == "away"
    assert slow.spent.tokens > sum(USAGE), "whether it is billed is not known: it stays paid"
    gone = settings_for(model, wire).model_copy(update={f"{wire}_url": "http://127.0.0.1:9"})
    said = one(judge_of(ledger, gone), "right")
    assert isinstance(said, PutOff)
    assert (said.reason, said.counts) == ("away", False)


@pytest.mark.parametrize(("status", "reason"), [(401, "auth"), (403, "auth"), (402, "billing"), (404, "model")])
def test_a_key_or_an_account_that_is_no_good_pauses_the_judge(
    ledger: Engine, model: FakeModel, wire: str, status: int, reason: str
) -> None:
    model.status = status
    settings = settings_for(model, wire)
    assert isinstance(one(judge_of(ledger, settings), "right"), PutOff)
    model.status = None
    again = judge_of(ledger, settings)
    rest = asyncio.run(again.rest())
    assert rest is not None, "a restart does not end it"
    assert rest.reason == reason
    assert asyncio.run(again.resume("key:x"))
    assert isinstance(one(again, "right"), Judgement)


def test_another_key_or_an_hour_ends_a_pause(ledger: Engine, model: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = judge_of(ledger, settings_for(model, "gemini", gemini_api_key=SecretStr("wrong")))
    assert isinstance(one(wrong, "right"), PutOff)
    rest = asyncio.run(wrong.rest())
    assert rest is not None
    assert rest.reason == "auth"
    now = clock.micros()
    with monkeypatch.context() as later:
        later.setattr(clock, "micros", lambda: now + 3_601_000_000)
        assert asyncio.run(wrong.rest()) is None
    assert isinstance(one(wrong, "right"), PutOff)
    assert isinstance(one(judge_of(ledger, settings_for(model, "gemini")), "right"), Judgement)


def test_one_bad_reply_holds_up_nobody_and_only_some_are_asked_at_once(
    ledger: Engine, model: FakeModel, wire: str
) -> None:
    model.seconds = 0.03
    judge = judge_of(ledger, settings_for(model, wire, judge_concurrency=4))
    cases = [case("slow" if number == 1 else "empty" if number == 2 else "right", number) for number in range(1, 30)]
    order = []

    async def run() -> None:
        async for some in judge.judged(cases):
            order.extend(one.entry.query_id for one, _ in some)

    asyncio.run(run())
    assert sorted(order) == sorted(one.entry.query_id for one in cases)
    assert order[-1] == "q1"
    assert model.most_at_once == 4


@pytest.mark.parametrize("limit", [{"judge_daily_usd": 0.05}, {"judge_daily_usd": 0, "judge_daily_tokens": 40_000}])
def test_the_budget_of_a_day_is_never_passed(ledger: Engine, model: FakeModel, limit: dict[str, float]) -> None:
    judge = judge_of(ledger, settings_for(model, "gemini", judge_concurrency=10, **limit))
    said = judged(judge, *(case("right", number) for number in range(80)))
    done = [each for each in said.values() if isinstance(each, Judgement)]
    assert 10 < len(done) < 80
    assert {each.reason for each in said.values() if isinstance(each, PutOff)} == {"budget"}
    assert len(model.asked) == len(done)
    spent = judge.spent
    assert spent.tokens == len(done) * sum(USAGE)
    assert spent.nano_usd <= 50_000_000
    assert spent.tokens <= 80_000
    rest = asyncio.run(judge.rest())
    assert rest is not None
    assert rest.reason == "budget"


def test_who_judges_is_chosen_by_the_keys_there_are(ledger: Engine) -> None:
    spending, key = SpendingStore(ledger), SecretStr("k")
    for told, name in (
        ({}, "rules"),
        ({"gemini_api_key": key}, "gemini"),
        ({"openai_api_key": key}, "openai"),
        ({"gemini_api_key": key, "openai_api_key": key}, "gemini"),
        ({"gemini_api_key": key, "judge": "rules"}, "rules"),
        ({"judge": "openai"}, "openai"),
    ):
        judge = chosen_judge(Settings(**told), spending)  # type: ignore[arg-type]
        assert judge is not None
        assert judge.name == name
        if isinstance(judge, ModelJudge):
            MADE.append(judge)
    assert chosen_judge(Settings(judge="off"), spending) is None
    rules = chosen_judge(Settings(eval_batch_size=7), spending)
    assert isinstance(rules, RulesJudge)
    assert rules.batch == 70
