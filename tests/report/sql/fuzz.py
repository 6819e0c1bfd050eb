"""Hostile statements by a grammar: legal frames, whose places are filled with what must not get through.

Everything comes from one seed, so that a statement that gets through can be found again.
"""

import random
from collections.abc import Iterator

TABLES = (
    "default.events", "system.tables", "system.one", "system.query_log", "information_schema.tables", "only_bob",
    "file('@FILE@')", "file('@FILE@', 'LineAsString')", "url('http://127.0.0.1:@PORT@/', 'LineAsString')",
    "merge('default', '.*')", "merge('events')", "mergeTreeIndex('default', 'events')", "numbers(10)", "zeros(3)",
    "remote('127.0.0.1:@PORT@', default.events)", "cluster('default', default.events)", "view(SELECT * FROM events)",
    "generateRandom('x UInt8')", "executable('cat @FILE@', 'TSV', 'x String')", "dictionary('d')", "input('x UInt8')",
    "s3('http://127.0.0.1:@PORT@/b/k')", "sqlite('@FILE@', 't')", "values('x UInt8', 1)", "loop(default.events)",
    "(SELECT * FROM default.events)", "(SELECT * FROM system.tables)", "(SELECT * FROM file('@FILE@'))", "\"$0\"",
    "`default`.`events`", "events FINAL", "events SAMPLE 1", "events ARRAY JOIN [1] AS x", "'@FILE@'", "{t:Identifier}",
    "events GLOBAL JOIN events AS f ON 1 = 1", "events PASTE JOIN events AS f", "VALUES (1)", "events PREWHERE 1",
)  # fmt: skip
VALUES = (
    "file('@FILE@')", "FILE('@FILE@')", "`file`('@FILE@')", "\"file\"('@FILE@')", "file/**/('@FILE@')", "f\\ile('x')",
    "ｆｉｌｅ('@FILE@')", "fіle('@FILE@')", "joinGet('events', 'user_id', 1)", "joinGet(events, user_id, 1)",
    "dictGet('d', 'a', 1)", "hasColumnInTable('default', 'events', 'tenant_id')", "arrayReduce('file', ['@FILE@'])",
    "user_id IN events", "user_id IN (events)", "user_id IN default.events", "user_id GLOBAL IN (SELECT 1)",
    "user_id IN file('@FILE@')", "in(user_id, events)", "user_id IN (SELECT user_id FROM default.events)",
    "(SELECT max(user_id) FROM default.events)", "(SELECT * FROM file('@FILE@'))", "EXISTS(SELECT * FROM system.users)",
    "arrayMap(x -> file(x), ['@FILE@'])", "arrayFilter(x -> x = 1, [1])", "COLUMNS('.*')", "* APPLY(file)", "$1", "?",
    "{x:String}", "@@version", "0x66", "x'66'", "$$x$$", "currentUser()", "hostName()", "version()", "sleep(3)", "#",
    "throwIf(1, user_id)", "range(1000000000)", "repeat('a', 1000000000)", "getSetting('x')", "rand()", "a -> b",
    "CAST(1 AS AggregateFunction(sum, UInt8))", "CAST(1 AS Enum8('a' = 1))", "CAST('x', 'String')", "user_id::JSON",
    "finalizeAggregation(1)", "sumState(1)", "evalMLMethod(1)", "catboostEvaluate('@FILE@', 1)", "a ?? b", "a & b",
    "events.default.user_id", "attributes.:String", "attributes.^page", "user_id COLLATE 'en'", "(1, 2).1", "!1", "~1",
    "user_id = ANY (SELECT 1)", "user_id = ALL (events)", "MAP('a', 1)", "ROW(1)", "STRUCT(1)", "UNNEST([1])", "\x00",
    "encrypt('aes-256-cbc', 'x', 'y')", "untuple((1, 2))", "transform(1, [1], [2], 3)", "ignore(1)", "bar(1, 1, 2, 3)",
    "lambda x: x", "'unclosed", "\"unclosed", "/* unclosed", "JSON_OBJECT('a': 1)", "toTypeName(file('@FILE@'))",
)  # fmt: skip
LEGAL = (
    "user_id", "'x'", "1", "NULL", "count()", "lower(user_id)", "timestamp", "now()", "'\\''", "''''", "[1, 2]",
    "(1, 2)", "(SELECT 1)", "user_id IN ('a', 'b')", "1.5e3", "-1", "NOT 1", "CAST(1 AS String)", "if(1, 2, 3)",
    "a.user_id", "user_id LIKE '%SECRET%'", "'SELECT file()'", "\"user_id\"", "`user_id`",
    "event_id", "tenant_id = 'bob'",
)  # fmt: skip
LEGAL_TABLES = ("events", "events AS a", "requests", "(SELECT * FROM events)", "scores", "interactions")
TAILS = (
    "SETTINGS readonly = 0", "SETTINGS additional_table_filters = {}", "INTO OUTFILE '@OUT@'", "; DROP TABLE events",
    "; SELECT 1", "FORMAT Native", "FORMAT CSV SETTINGS max_threads = 1", "WITH TOTALS", "FORMAT 'CSV'", "WITH FILL",
    "LIMIT 1 WITH TIES", "FOR UPDATE", "UNION ALL SELECT name FROM system.tables", "UNION SELECT * FROM only_bob",
    "EXCEPT SELECT * FROM default.events", "-- \n; SELECT 2", "INTO OUTFILE '@OUT@' FORMAT CSV",
    "FETCH FIRST 1 ROWS ONLY",
)  # fmt: skip
FRAMES = (
    "SELECT {v} FROM {t}",
    "SELECT {v}, {v} FROM {t}",
    "SELECT count() FROM {t} WHERE {v}",
    "SELECT {v} AS x FROM {t} GROUP BY {v}",
    "SELECT user_id FROM {t} ORDER BY {v}",
    "SELECT user_id FROM {t} HAVING {v}",
    "SELECT user_id FROM {t} LIMIT {v}",
    "SELECT sum(1) OVER (PARTITION BY {v} ORDER BY {v}) FROM {t}",
    "SELECT CASE WHEN {v} THEN {v} ELSE {v} END FROM {t}",
    "SELECT multiIf({v}, {v}, {v}) FROM {t}",
    "SELECT [{v}, {v}], ({v}, {v}) FROM {t}",
    "SELECT * FROM {t} AS p JOIN {t} AS q ON {v}",
    "SELECT * FROM {t}, {t}",
    "SELECT * FROM (SELECT {v} FROM {t})",
    "SELECT * FROM (SELECT * FROM (SELECT {v} AS x FROM {t}) WHERE {v})",
    "WITH w AS (SELECT {v} FROM {t}) SELECT * FROM w",
    "WITH events AS (SELECT {v} FROM {t}) SELECT * FROM events",
    "WITH {v} AS w SELECT w FROM {t}",
    "WITH (SELECT {v} FROM {t}) AS w SELECT w",
    "SELECT {v} FROM {t} UNION ALL SELECT {v} FROM {t}",
    "(SELECT {v} FROM {t}) EXCEPT (SELECT {v} FROM {t})",
    "SELECT user_id IN (SELECT {v} FROM {t}) FROM events",
    "SELECT user_id IN ({v}, {v}) FROM {t}",
    "SELECT * REPLACE ({v} AS user_id) FROM {t}",
    "SELECT quantile(0.5)({v}), topK(3)({v}) FROM {t}",
    "SELECT EXTRACT(DAY FROM {v}), INTERVAL {v} DAY FROM {t}",
    "SELECT CAST({v} AS String), {v}::UInt8 FROM {t}",
    "FROM {t} SELECT {v}",
    "SELECT EXISTS(SELECT {v} FROM {t})",
    "SELECT {v} BETWEEN {v} AND {v}, NOT {v}, -{v} FROM {t}",
    "DESCRIBE {t}",
    "EXPLAIN SELECT {v} FROM {t}",
    "INSERT INTO events SELECT {v} FROM {t}",
    "CREATE VIEW x AS SELECT {v} FROM {t}",
)
LOOKALIKES = str.maketrans({"e": "е", "s": "ѕ", "i": "і", "o": "о", "(": "（", ".": "․", "'": "’"})


def statements(seed: int, count: int) -> Iterator[str]:
    """So many hostile statements, always the same ones for a seed."""
    chance = random.Random(seed)
    for _ in range(count):
        yield _disguised(chance, _made(chance, 0, True))


def curious(seed: int, count: int) -> Iterator[str]:
    """So many statements of legal parts alone, which look at all there is."""
    chance = random.Random(seed)
    for _ in range(count):
        yield _made(chance, 0, False)


def _made(chance: random.Random, depth: int, hostile: bool) -> str:
    frame = chance.choice(FRAMES if hostile else FRAMES[:-4])
    places = frame.count("{v}") + frame.count("{t}")
    bad = chance.randrange(places + 1) if hostile else -1
    text, place = "", 0
    for part in frame.replace("{v}", "\1v\1").replace("{t}", "\1t\1").split("\1"):
        if part == "v":
            text += _value(chance, place == bad, depth, hostile)
            place += 1
        elif part == "t":
            text += chance.choice(TABLES if place == bad else LEGAL_TABLES)
            place += 1
        else:
            text += part
    return f"{text} {chance.choice(TAILS)}" if bad == places else text


def _value(chance: random.Random, bad: bool, depth: int, hostile: bool) -> str:
    value = chance.choice(VALUES if bad else LEGAL)
    for _ in range(chance.randrange(3)):
        value = chance.choice(("({})", "lower({})", "if(1, {}, 2)", "[{}]", "{} = 1", "concat({}, 'x')")).format(value)
    if depth < 2 and chance.random() < 0.1:
        return f"({_made(chance, depth + 1, hostile)})"
    if hostile and chance.random() < 0.02:
        levels = chance.choice((20, 60, 500))
        return "(" * levels + value + ")" * levels
    return value


def _disguised(chance: random.Random, text: str) -> str:
    match chance.randrange(12):
        case 0:
            return text.replace(" ", chance.choice(("/**/", "\n", "\t", " -- x\n", "/* ' */", "\u00a0", "\v")))
        case 1:
            return "".join(chance.choice((letter.upper(), letter.lower())) for letter in text)
        case 2:
            place = chance.randrange(len(text))
            return text[:place] + text[place:].translate(LOOKALIKES)
        case 3:
            place = chance.randrange(len(text))
            return (
                text[:place] + chance.choice(("'", '"', "`", "\\", ";", "--", "/*", ")", "(", "\0", "$")) + text[place:]
            )
        case 4:
            return text[: chance.randrange(len(text)) + 1]
        case 5:
            return f"{chance.choice(('SELECT * FROM (', '(', 'WITH z AS ('))}{text})"
        case _:
            return text
