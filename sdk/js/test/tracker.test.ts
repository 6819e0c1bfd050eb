import assert from "node:assert/strict";
import { test } from "node:test";
import { AnalyticsClient, init, type Options } from "../src/index.ts";
import { held, storage } from "./storage.ts";

type Told = { sent_at: string; events: { event_id: string; event_name: string; attributes: Record<string, unknown> }[] };
type Sent = { url: string; headers: Record<string, string>; body: Told };

/** A service that stores everything, and what came to it. */
function service(status = 202): { sent: Sent[]; fetch: typeof fetch } {
  const sent: Sent[] = [];
  return {
    sent,
    fetch: async (url, told) => {
      sent.push({ url: String(url), headers: told!.headers as Record<string, string>, body: JSON.parse(told!.body as string) as Told });
      return new Response(JSON.stringify(status < 300 ? { accepted: 1, results: [] } : {}), { status });
    },
  };
}

function client(options: Options = {}): { client: AnalyticsClient; sent: Sent[]; place: Storage } {
  const { sent, fetch } = service();
  const place = storage();
  return { client: new AnalyticsClient("http://service.test/", "ak_key", { fetch, storage: place, ...options }), sent, place };
}

const names = (sent: Sent[]): string[][] => sent.map((one) => one.body.events.map((event) => event.event_name));

test("ten events go out at once, fewer after the interval", async () => {
  const { client: made, sent } = client({ interval: 60 });
  for (let i = 0; i < 10; i++) made.track("a.b", { i });
  await new Promise((done) => setTimeout(done, 30));
  assert.equal(sent[0]!.body.events.length, 10);
  made.track("a.b");
  await new Promise((done) => setTimeout(done, 20));
  assert.equal(sent.length, 1);
  await new Promise((done) => setTimeout(done, 80));
  assert.deepEqual(sent.map((one) => one.body.events.length), [10, 1]);
  await made.close();
});

test("a request carries the key, the clock and whole events", async () => {
  const { client: made, sent } = client({ siteId: "shop", userId: "ann", context: { locale: "en-GB" } });
  const id = made.track("page_view", { page: "/" }, { sessionId: "s", occurredAt: "2026-01-15T10:30:00Z" });
  await made.flush();

  const { url, headers, body } = sent[0]!;
  assert.equal(url, "http://service.test/api/v1/analytics/events/batch");
  assert.deepEqual(headers, { "Content-Type": "application/json", "X-API-Key": "ak_key" });
  assert.ok(Math.abs(Date.parse(body.sent_at) - Date.now()) < 5000);
  assert.deepEqual(body.events, [
    {
      event_id: id, event_name: "page_view", occurred_at: "2026-01-15T10:30:00Z", source: "server",
      site_id: "shop", session_id: "s", user_id: "ann", attributes: { page: "/" }, context: { locale: "en-GB" },
    },
  ]);
});

test("a token goes out as a bearer, and another key takes its place", async () => {
  const { sent, fetch } = service();
  const made = new AnalyticsClient("http://service.test", "ey.to.ken", { fetch, storage: null });
  made.track("a.b");
  await made.flush();
  made.key = "ak_new";
  made.track("a.b");
  await made.flush();
  assert.deepEqual(sent.map((one) => [one.headers["Authorization"], one.headers["X-API-Key"]]), [["Bearer ey.to.ken", undefined], [undefined, "ak_new"]]);
});

test("the user may be told as the older client took it", async () => {
  const { client: made, sent } = client({ userId: "ann" });
  made.track("page_view", { page: "/" }, "bob");
  made.track("page_view", { page: "/" });
  made.identify(null);
  made.track("page_view", { page: "/" });
  await made.flush();
  assert.deepEqual(sent[0]!.body.events.map((event) => (event as { user_id?: string }).user_id), ["bob", "ann", undefined]);
});

const circle: Record<string, unknown> = {};
circle["self"] = circle;
const bad: [string, Record<string, unknown>][] = [
  ["a circle", circle],
  ["a big integer", { n: 1n }],
  ["a getter that fails", { get n(): never { throw new Error("no"); } }],
];
for (const [what, attributes] of bad) {
  test(`${what} is not taken, and nothing is thrown`, async () => {
    const { client: made, sent } = client();
    assert.equal(made.track("a.b", attributes), null);
    await made.flush();
    assert.equal(sent.length, 0);
  });
}

test("text that was cut in the middle of a letter costs no other event", async () => {
  const { client: made, sent } = client();
  made.track("a.b", { text: "\ud83d" });
  await made.flush();
  assert.deepEqual(sent[0]!.body.events[0]!.attributes, { text: "�" });
});

test("a full outbox takes no more, and keeps what it has", async () => {
  const { client: made, place } = client({ maxEvents: 3, fetch: async () => new Response("", { status: 500 }) });
  const ids = Array.from({ length: 5 }, () => made.track("a.b"));
  assert.deepEqual(ids.map((id) => id !== null), [true, true, true, false, false]);
  await made.flush();
  assert.deepEqual(held(place).map((one) => one.event_id), ids.slice(0, 3));
  await made.close();
});

test("characters are counted too", () => {
  const { client: made } = client({ maxChars: 1000 });
  assert.equal(made.track("a.b", { text: "x".repeat(1000) }), null);
  assert.notEqual(made.track("a.b", { text: "x".repeat(500) }), null);
  assert.equal(made.track("a.b", { text: "x".repeat(500) }), null);
});

test("what finds no room in the storage waits in memory", async () => {
  const { client: made, sent, place } = client({ storage: storage(700) });
  for (let i = 0; i < 8; i++) assert.notEqual(made.track(`n.n${i}`), null);
  assert.ok(held(place).length < 8);
  await made.flush();
  assert.deepEqual(names(sent).flat().sort(), Array.from({ length: 8 }, (_, i) => `n.n${i}`));
  assert.equal(made.pending, 0);
});

test("what a client before has left is sent, oldest first", async () => {
  const place = storage();
  const before = client({ storage: place, fetch: () => Promise.reject(new TypeError("offline")) });
  before.client.track("a.first");
  before.client.track("a.second");
  await before.client.close();
  assert.equal(before.client.track("a.late"), null);

  const { client: made, sent } = client({ storage: place, interval: 20 });
  made.track("a.own");
  await made.flush();
  assert.deepEqual(names(sent), [["a.own"]], "another tab has its time");

  await new Promise((done) => setTimeout(done, 200));
  assert.deepEqual(names(sent), [["a.own"], ["a.first", "a.second"]]);
});

test("large backlogs go in requests of at most 30 KB and 500 events", async () => {
  const { client: made, sent } = client({ batchSize: 10_000 });
  for (let i = 0; i < 700; i++) made.track("a.b", { text: "x".repeat(i < 600 ? 1 : 1000) });
  await made.flush();
  assert.equal(names(sent).flat().length, 700);
  assert.ok(sent.every((one) => JSON.stringify(one.body).length <= 30_000));
  assert.equal(new Set(sent.flatMap((one) => one.body.events.map((event) => event.event_id))).size, 700);
});

test("without consent nothing is kept or sent; a no is told only after a yes", async () => {
  const { client: made, sent, place } = client({ requireConsent: true });
  assert.equal(made.track("a.b"), null);
  assert.equal(made.pending, 0);
  made.consent(false);
  await made.flush();
  assert.equal(sent.length, 0);

  made.consent(true, false);
  assert.notEqual(made.track("a.b"), null);
  await made.flush();
  assert.deepEqual((sent[0]!.body.events[0] as { context?: unknown }).context, { consent: { analytics: true, ads: false } });
  made.track("a.unsent");
  made.consent(false);
  await made.flush();
  assert.deepEqual(names(sent), [["a.b"], ["consent.changed"]]);
  assert.deepEqual((sent[1]!.body.events[0] as { context?: unknown }).context, { consent: { analytics: false } });

  const later = client({ storage: place });
  assert.equal(later.client.track("a.b"), null, "a no is remembered");
});

test("init gives the same client each time, also with another key", async () => {
  const { sent, fetch } = service();
  const first = init("http://once.test", "ak_one", { fetch, storage: null });
  assert.equal(init("http://once.test", "ak_two"), first);
  assert.notEqual(init("http://other.test", "ak_one", { fetch, storage: null }), first);
  assert.notEqual(init("http://once.test", "ak_one", { fetch, storage: null, name: "second" }), first);
  first.track("a.b");
  await first.flush();
  assert.equal(sent[0]!.headers["X-API-Key"], "ak_two");
});

test("an event that the service will never take is told, and costs no other", async () => {
  const refused: unknown[] = [];
  let poison: string | null = null;
  const stored: string[] = [];
  const { client: made } = client({
    onRefused: (receipt) => {
      refused.push(receipt);
      throw new Error("of the page");
    },
    fetch: async (_, told) => {
      const ids = (JSON.parse(told!.body as string) as Told).events.map((event) => event.event_id);
      if (ids.includes(poison!)) return new Response(JSON.stringify({ code: "bad_request" }), { status: 400 });
      stored.push(...ids);
      return new Response(JSON.stringify({ results: [] }), { status: 202 });
    },
  });
  const ids = Array.from({ length: 9 }, () => made.track("a.b")!);
  poison = ids[5]!;
  await made.flush();
  assert.deepEqual(stored.sort(), ids.filter((id) => id !== poison).sort());
  assert.deepEqual(refused, [{ event_id: poison, status: "rejected", reason: "bad_request" }]);
  assert.equal(made.pending, 0);
});

test("the pauses grow, and end at a minute", async () => {
  const { backOff } = await import("../src/verdict.ts");
  assert.deepEqual([0, 1, 2, 6, 7, 20, 2000].map((failures) => backOff(failures, 0, 1)), [500, 1000, 2000, 32_000, 60_000, 60_000, 60_000]);
  assert.equal(backOff(0, 0, 0), 250);
  assert.equal(backOff(0, 7000, 0), 7000);
  assert.equal(backOff(3, 7000, 1), 8750);
});
