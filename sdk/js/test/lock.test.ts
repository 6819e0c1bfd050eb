import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { alone } from "../src/lock.ts";
import { Outbox } from "../src/outbox.ts";
import { storage } from "./storage.ts";

const LIMITS = { maxEvents: 10, maxChars: 1e6 };
const real = Object.getOwnPropertyDescriptor(globalThis, "navigator")!;

/** A browser with these locks, or with none. */
function browser(locks: unknown): void {
  Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
}

afterEach(() => {
  Object.defineProperty(globalThis, "navigator", real);
  mock.timers.reset();
});

test("memory is nobody else's: no lock is asked for", async () => {
  browser({ request: () => assert.fail("asked") });
  let done = 0;
  assert.equal(await alone(new Outbox(null, "a:", LIMITS), "a", async () => void done++), true);
  assert.equal(done, 1);
});

test("a lock whose holder sleeps is taken from it", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const asked: object[] = [];
  browser({
    request: (_name: string, told: { signal?: AbortSignal; steal?: boolean }, job: () => Promise<void>) => {
      asked.push(told.steal ? { steal: true } : { waits: true });
      if (told.steal) return job();
      return new Promise((_, fail) => told.signal!.addEventListener("abort", () => fail(told.signal!.reason)));
    },
  });
  let done = 0;
  const running = alone(new Outbox(storage(), "a:", LIMITS), "a", async () => void done++);
  mock.timers.tick(29_999);
  await Promise.resolve();
  assert.equal(done, 0);
  mock.timers.tick(1);
  assert.equal(await running, true);
  assert.deepEqual([done, asked], [1, [{ waits: true }, { steal: true }]]);
});

test("a job that fails under a lock is not run again", async () => {
  browser({ request: (_name: string, _told: object, job: () => Promise<void>) => job() });
  let done = 0;
  const job = async (): Promise<void> => {
    done++;
    throw new RangeError("of the job");
  };
  await assert.rejects(alone(new Outbox(storage(), "a:", LIMITS), "a", job), RangeError);
  assert.equal(done, 1);
});

test("without locks a lease keeps another tab out until it ends or has run out", async () => {
  browser(undefined);
  const place = storage();
  const outbox = new Outbox(place, "a:", LIMITS);
  const other = (until: number): void => outbox.note("lease", `other ${Date.now() + until}`);
  let done = 0;
  const job = async (): Promise<void> => {
    done++;
    assert.match(outbox.recall("lease")!, /^[a-z0-9]+ [0-9]+$/);
  };
  assert.equal(await alone(outbox, "a", job), true);
  assert.equal(outbox.recall("lease"), null);

  other(10_000);
  assert.equal(await alone(outbox, "a", job), false);
  for (const gone of [-1, 1e9]) {
    other(gone); // it has run out; or the clock was put back since
    assert.equal(await alone(outbox, "a", job), true);
  }
  assert.equal(done, 3);
});
