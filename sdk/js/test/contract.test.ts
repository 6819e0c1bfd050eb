/** The cases of `sdk/contract`, each with a real server that answers, or fails to, as the case says. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { AnalyticsClient, type Receipt } from "../src/index.ts";
import { held, storage } from "./storage.ts";

interface Case {
  title: string;
  request: { body: { events?: object[]; event_name?: string } };
  answer: { status?: number; headers?: Record<string, string>; body?: unknown; text?: string; fault?: string };
  then: { next: string; after_seconds?: number; events: { becomes: string; reason?: string }[] };
}

const FOLDER = new URL("../../contract/", import.meta.url);
const CASES = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
/** Milliseconds that no first pause of the client's own is longer than. */
const OWN_PAUSE = 600;

function answer(told: Case["answer"], response: ServerResponse): void {
  if (told.fault === "silent") return;
  if (told.fault === "hung_up") return void response.destroy();
  const content = "text" in told ? told.text! : JSON.stringify(told.body);
  const headers = { ...told.headers, "Content-Length": String(Buffer.byteLength(content)) };
  response.writeHead(told.status!, headers);
  if (told.fault === "cut") response.write(content.slice(0, content.length / 2), () => response.destroy());
  else response.end(content);
}

async function serving(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<[Server, string]> {
  const server = createServer(handle);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`];
}

async function read(request: IncomingMessage): Promise<string[]> {
  let text = "";
  for await (const piece of request) text += piece;
  return (JSON.parse(text) as { events: { event_id: string }[] }).events.map((one) => one.event_id);
}

describe("the contract", { concurrency: true }, () => {
  for (const file of CASES) {
    const told = JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as Case;
    test(`${file}: ${told.title}`, async () => {
      const requests: string[][] = [];
      const [server, url] = await serving(async (request, response) => {
        requests.push(await read(request));
        answer(told.answer, response);
      });
      if (told.answer.fault === "refused") {
        server.close();
        requests.push([]); // nobody is there to see it
      }
      const place = storage();
      const refused: Pick<Receipt, "event_id" | "reason">[] = [];
      const client = new AnalyticsClient(url, "ak_key", {
        storage: place, timeout: 400, batchSize: 1000, interval: 60_000, context: false,
        onRefused: ({ event_id, reason }) => refused.push({ event_id, ...(reason && { reason }) }),
      });
      try {
        const ids = (told.request.body.events ?? [told.request.body]).map(() => client.track("page_view", { page: "/" })!);
        const started = Date.now();
        if (told.then.next === "split") void client.flush();
        else await client.flush();

        if (told.then.next === "split") {
          // Every answer is the same here, so that each half is split on, until one event alone is refused.
          await client.flush();
          assert.deepEqual(requests[0], ids);
          assert.deepEqual(requests[1], ids.slice(0, Math.ceil(ids.length / 2)));
          assert.deepEqual(refused.map((one) => one.event_id).sort(), [...ids].sort());
          return;
        }
        assert.equal(requests.length, 1);
        const kept = ids.filter((_, at) => told.then.events[at]!.becomes === "kept");
        assert.deepEqual(held(place).map((one) => one.event_id), kept);
        assert.equal(client.pending, kept.length);
        const dropped = told.then.events.filter((one) => one.becomes === "dropped");
        assert.deepEqual(refused.map((one) => one.reason), dropped.map((one) => one.reason));

        if (told.answer.fault === "refused") return;
        const pause = (told.then.after_seconds ?? 0) * 1000;
        await sleep(OWN_PAUSE);
        if (told.then.next === "retry" && !pause) assert.deepEqual(requests[1], kept);
        else assert.equal(requests.length, 1);
        if (pause) {
          const [until] = Object.keys(place).filter((key) => key.endsWith("!until")).map((key) => Number(place.getItem(key)));
          assert.ok(until! - started >= pause && until! - started < pause * 1.25 + 500, String(until! - started));
        }
      } finally {
        client.key = "ak_other";
        server.closeAllConnections();
        server.close();
        await client.close();
      }
    });
  }
});
