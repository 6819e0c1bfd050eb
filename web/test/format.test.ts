import assert from "node:assert/strict";
import { test } from "node:test";
import { change, count, dollars, formatOf, millis, percent, span, tame } from "../src/format.ts";
import { conditionOf, literal } from "../src/sql.ts";

test("numbers as people read them", () => {
  assert.deepEqual([0, 999, 9_999, 12_345, null, undefined, Number.NaN].map(count), ["0", "999", "9,999", "12.3K", "–", "–", "–"]);
  assert.deepEqual([0, 0.953, 1, null].map(percent), ["0 %", "95.3 %", "100 %", "–"]);
  assert.deepEqual([412.4, 1_840, null].map(millis), ["412 ms", "1.8 s", "–"]);
  assert.deepEqual([3.41, 0.0021, 0].map(dollars), ["$3.41", "$0.0021", "$0.00"]);
  assert.deepEqual([4.2, 41, 200, 9_000, 100_000, null].map(span), ["4.2 s", "41 s", "3 min", "2.5 h", "1.2 d", "–"]);
  assert.deepEqual([formatOf("kb.hit_rate")(0.5), formatOf("voice.first_response_ms.p95")(7), formatOf("cost.usd.sum")(1), formatOf("users.count")(1)], ["50.0 %", "7 ms", "$1.00", "1"]);
});

test("a change says nothing where there is nothing to compare", () => {
  assert.deepEqual([change(12, 10), change(5, 10), change(1, 0), change(null, 1), change(1, null)], [0.2, -0.5, null, null, null]);
});

test("no text of an event can turn, hide or flood its neighbours", () => {
  assert.equal(tame("a\u202eb\u200fc\u2066d\u0000e\nf"), "a�b�c�d␣e␣f");
  assert.equal(tame("x".repeat(10_000), 100).length, 101);
  assert.equal(tame("<script>alert(1)</script>"), "<script>alert(1)</script>");
  assert.deepEqual([tame(null), tame(undefined), tame(7), tame({ a: 1 })], ["", "", "7", '{"a":1}']);
});

test("texts cannot leave their literals", () => {
  assert.equal(literal("it's \\ '; DROP"), "'it\\'s \\\\ \\'; DROP'");
  assert.equal(conditionOf({ field: "a') OR 1=1 --", op: "eq", value: "'" }), "JSONExtractString(attributes, 'a\\') OR 1=1 --') = '\\''");
  assert.equal(conditionOf({ field: "event_name", op: "neq", value: "a" }), "event_name != 'a'");
  assert.equal(conditionOf({ field: "a", op: "gt", value: 1 }), null);
});
