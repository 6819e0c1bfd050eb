import assert from "node:assert/strict";
import { test } from "node:test";
import { AnalyticsClient } from "../src/index.ts";
import { analyticsMiddleware, withAnalytics, type HonoContext } from "../src/middleware/index.ts";
import { held, storage } from "./storage.ts";

function client(): { client: AnalyticsClient; told: () => object[] } {
  const place = storage();
  const made = new AnalyticsClient("http://service.test", "ak_key", {
    storage: place, batchSize: 1000, interval: 1e6, fetch: () => Promise.reject(new TypeError("offline")),
  });
  return {
    client: made,
    told: () => {
      void made.close();
      return held(place).map(({ event_id: _id, occurred_at: _at, source: _source, ...more }: Record<string, unknown>) => more);
    },
  };
}

test("the helpers send events of the catalogue", () => {
  const { client: made, told } = client();
  made.trackVoiceMetrics("s1", { firstResponseMs: 450, bargeInMs: 200, asrLatencyMs: 50, turnId: "t1", model: "m" });
  made.trackVoiceMetrics("s1", { firstResponseMs: 0 });
  made.trackToolExecution("navigation.goto", "navigation", 150, true, "c1");
  made.trackKBSearch("prices", 5, 45, 0.89, "c1");
  made.trackProjectCost("p1", "ai", 0.25);
  made.trackAIUsage("m", 1200, 0.01);
  made.trackAIUsage("m", { input: 10, output: 20 });
  made.trackError("TypeError", "it broke", "/cart");
  made.writeDataPoint("requests", { blobs: ["GET", "/"], doubles: [12.5, 1], indexes: ["ray"] });
  made.dataset("requests").writeDataPoint({ blobs: ["POST"], timestamp: "2026-01-15T10:30:00Z" });

  const voice = { "voice.session_id": "s1" };
  assert.deepEqual(told(), [
    { event_name: "voice.first_response", session_id: "s1", attributes: { ...voice, "voice.turn_id": "t1", "voice.first_response_ms": 450, "gen_ai.request.model": "m" } },
    { event_name: "voice.barge_in", session_id: "s1", attributes: { ...voice, "voice.turn_id": "t1", "voice.barge_in_ms": 200 } },
    { event_name: "voice.asr_partial", session_id: "s1", attributes: { ...voice, "voice.asr_partial_latency_ms": 50 } },
    { event_name: "voice.first_response", session_id: "s1", attributes: { ...voice, "voice.first_response_ms": 0 } },
    { event_name: "ai.tool_call_completed", attributes: { "gen_ai.tool.name": "navigation.goto", "ai.tool.category": "navigation", "ai.tool.duration_ms": 150, "ai.tool.success": true, "gen_ai.conversation.id": "c1" } },
    { event_name: "kb.search", attributes: { "kb.query": "prices", "kb.results_count": 5, "kb.search_latency_ms": 45, "kb.top_score": 0.89, "gen_ai.conversation.id": "c1" } },
    { event_name: "cost.recorded", site_id: "p1", attributes: { "cost.type": "ai", "cost.amount_usd": 0.25 } },
    { event_name: "ai.usage", attributes: { "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": null, "gen_ai.usage.output_tokens": null, "gen_ai.usage.total_tokens": 1200, "gen_ai.usage.cost_usd": 0.01 } },
    { event_name: "ai.usage", attributes: { "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 20, "gen_ai.usage.total_tokens": null, "gen_ai.usage.cost_usd": null } },
    { event_name: "error_occurred", attributes: { "error.type": "TypeError", "error.message": "it broke", "url.path": "/cart" } },
    { event_name: "datapoint.written", attributes: { dataset: "requests", blob1: "GET", blob2: "/", double1: 12.5, double2: 1, index1: "ray" } },
    { event_name: "datapoint.written", attributes: { dataset: "requests", blob1: "POST" } },
  ]);
});

const REQUEST = new Request("http://shop.test/cart?token=secret", { method: "PUT", headers: { "User-Agent": "curl" } });

function counted(told: object[], status: number, size: number | null): void {
  const [{ event_name, attributes }] = told as [{ event_name: string; attributes: Record<string, unknown> }];
  const { "http.server.duration_ms": took, ...more } = attributes;
  assert.equal(event_name, "http.request");
  assert.ok(Number(took) >= 0 && Number(took) < 5000);
  assert.deepEqual(more, {
    "http.request.method": "PUT", "url.path": "/cart", "http.response.status_code": status,
    "http.response.size_bytes": size, "user_agent.original": "curl",
  });
}

test("a fetch handler is counted, and kept awake until that is sent", async () => {
  const { client: made, told } = client();
  const awake: Promise<unknown>[] = [];
  const handler = withAnalytics(made, (_request, _env: object, _context: { waitUntil(it: Promise<unknown>): void }) =>
    new Response("hello", { status: 201, headers: { "Content-Length": "5" } }));
  const answer = await handler(REQUEST, {}, { waitUntil: (it) => awake.push(it) });
  assert.deepEqual([answer.status, await answer.text(), awake.length], [201, "hello", 1]);
  counted(told(), 201, 5);
});

test("a fetch handler that fails fails as before, and is counted", async () => {
  const { client: made, told } = client();
  const handler = withAnalytics(made, () => { throw new RangeError("of the app"); });
  await assert.rejects(async () => handler(REQUEST), RangeError);
  counted(told(), 500, null);
});

test("Hono's requests are counted, with and without a context that waits", async () => {
  for (const missing of [true, false]) {
    const { client: made, told } = client();
    const context = {
      req: { raw: REQUEST },
      res: new Response("", { status: 404 }),
      get executionCtx(): never { if (missing) throw new Error("no context"); return undefined as never; },
    } as HonoContext;
    await analyticsMiddleware(made)(context, async () => {});
    counted(told(), 404, null);
  }
});

test("a client that is broken breaks no request", async () => {
  const broken = { track: () => { throw new Error("broken"); } } as unknown as AnalyticsClient;
  const answer = await withAnalytics(broken, () => new Response("hello"))(REQUEST);
  assert.equal(await answer.text(), "hello");
});
