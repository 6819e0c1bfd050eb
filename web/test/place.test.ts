import assert from "node:assert/strict";
import { test } from "node:test";
import { type Place, bodyOf, grainOf, hashOf, placeOf, withFilter, wordsOfFilter } from "../src/place.ts";

const START: Place = { page: "overview", rest: [], period: "24h", from: "", to: "", compare: true, filters: [], own: {} };

test("nothing in the address is the overview of a day", () => {
  for (const hash of ["", "#", "#/", "#/overview"]) assert.deepEqual(placeOf(hash), START);
});

test("a place survives the address, whatever it holds", () => {
  const places: Place[] = [
    START,
    { ...START, page: "voice", period: "7d", compare: false },
    { ...START, period: "range", from: "2026-01-01T00:00:00Z", to: "2026-01-08T00:00:00Z" },
    { ...START, page: "shared", rest: ["a/b", "al_x-y_?&#%"] },
    { ...START, filters: [{ field: "voice.query_text", op: "eq", value: "a & b = c? #1 + 50 % \u202e<script>" }, { field: "x", op: "gt", value: 3 }, { field: "y", op: "exists" }] },
    { ...START, own: { steps: "a,b", q: "SELECT 1\nFROM events" } },
  ];
  for (const place of places) assert.deepEqual(placeOf(hashOf(place)), place);
});

test("what is broken in an address is passed over", () => {
  assert.deepEqual(placeOf("#/voice?f=nope&f=[1,2]&f={}&p=DROP&compare=").page, "voice");
  assert.deepEqual(placeOf("#/voice?f=nope&f=[1,2]&f={}&p=DROP").filters, []);
  assert.equal(placeOf("#/voice?p=DROP").period, "24h");
  assert.deepEqual(placeOf("#/%E0%A4%A").page, "%E0%A4%A");
});

test("a report is asked for the time and the filters of the place", () => {
  assert.deepEqual(bodyOf(START, "UTC"), { tz: "UTC", period: "24h" });
  const ranged: Place = { ...START, period: "range", from: "a", to: "b", filters: [{ field: "x", op: "eq", value: 1 }] };
  assert.deepEqual(bodyOf(ranged, "UTC"), { tz: "UTC", from: "a", to: "b", filters: [{ field: "x", op: "eq", value: 1 }] });
  assert.deepEqual(bodyOf({ ...START, period: "range" }, "UTC"), { tz: "UTC", period: "24h" });
});

test("grains give some ten to some hundred points", () => {
  const grains = ["1h", "24h", "7d", "90d", "365d", "2h", "48h", "5d", "200d"].map((period) => grainOf({ ...START, period }));
  assert.deepEqual(grains, ["1m", "1h", "1d", "1d", "1w", "1m", "1h", "1d", "1w"]);
  assert.equal(grainOf({ ...START, period: "range", from: "2026-01-01T00:00:00Z", to: "2026-01-03T00:00:00Z" }), "1h");
});

test("a filter stands in the place of one of the same kind", () => {
  const one = { field: "a", op: "eq", value: "1" };
  assert.deepEqual(withFilter([one, { ...one, op: "neq" }], { ...one, value: "2" }), [{ ...one, op: "neq" }, { ...one, value: "2" }]);
  assert.equal(wordsOfFilter({ field: "a", op: "neq", value: "b" }), "a is not b");
});
