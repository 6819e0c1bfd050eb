import assert from "node:assert/strict";
import { test } from "node:test";
import { turnOf } from "../src/turn.ts";

const told = (...events: [string, number][]) => events.map(([event_name, after]) => ({ event_name, after }));
const names = (events: { event_name: string; after: number }[]) => events.map((one) => `${one.event_name} ${one.after}`);

test("a turn goes from its beginning to the next one's", () => {
  const before = told(["voice.turn_started", -9_000], ["voice.query", -8_000], ["voice.outcome", -7_000]);
  const own = told(["voice.turn_started", -500], ["voice.asr_partial", -100], ["voice.query", 0], ["ai.tool_call_started", 300], ["voice.outcome", 900]);
  const after = told(["voice.turn_started", 4_000], ["voice.query", 5_000]);
  assert.deepEqual(names(turnOf([...before, ...own, ...after])), names(own));
  assert.deepEqual(names(turnOf(own)), names(own));
});

test("queries without turns keep apart too", () => {
  const events = told(["voice.query", -3_000], ["voice.outcome", -2_000], ["voice.query", 0], ["voice.outcome", 100], ["voice.query", 2_000]);
  assert.deepEqual(names(turnOf(events)), ["voice.outcome -2000", "voice.query 0", "voice.outcome 100"]);
  assert.deepEqual(turnOf([]), []);
});
