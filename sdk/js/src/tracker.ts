import type { EventName, Told } from "./catalogue.ts";
import type { Context } from "./events.ts";
import { newId } from "./id.ts";
import { alone } from "./lock.ts";
import type { DataPoint, Details, Options } from "./options.ts";
import { Outbox, pageStorage } from "./outbox.ts";
import { pageContext, visit, wantsNoTracking } from "./page.ts";
import { backOff, judge, LONGEST, type Verdict } from "./verdict.ts";

/** Bytes of request bodies that a closing page may have under way: browsers allow 65,536, and others may want some. */
const BUDGET = 60_000;
/** Bytes of one request, so that a page that closes has room for one more. */
const ROOM = 30_000;
/** The most events of a request. */
const MOST = 500;

/** Text of browsers since 2023. */
type WellFormed = string & { toWellFormed?: () => string };

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;
const browser = typeof document !== "undefined";

/**
 * Sends events, in batches, and never throws: what goes wrong here is no concern of the page.
 *
 * An event that `track` gave an id for stays in the outbox until the service has told what became of it. It may be sent
 * more than once, with the same id each time, and is counted once.
 */
export class Tracker {
  #url: string;
  #key: string;
  #options: Options;
  #outbox: Outbox;
  #lock: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = Infinity;
  #draining: Promise<void> | undefined;
  #failures = 0;
  #until = 0;
  #size = MOST;
  #underWay = new Map<string, number>();
  #stopped = false;
  #closed = false;

  /** `url` is the address of the service, `key` an API key of the kind `ingest`, or a token. */
  constructor(url: string, key: string, options: Options = {}) {
    this.#url = String(url).replace(/\/+$/, "");
    this.#key = key;
    this.#options = options;
    const { storage = pageStorage(), name = "default", maxEvents = 10_000, maxChars = 2_000_000 } = options;
    this.#lock = `auricle:${name}:${this.#url}:`;
    this.#outbox = new Outbox(storage, this.#lock, { maxEvents, maxChars });
    this.#quietly(() => {
      if (browser) {
        addEventListener("pagehide", this);
        addEventListener("visibilitychange", this);
        addEventListener("online", this);
        addEventListener("storage", this);
      }
      if (this.#outbox.size) this.#schedule(0); // what an earlier page has left
    });
  }

  /** Events that wait for their receipt, as far as this tab knows. */
  get pending(): number {
    return this.#outbox.size;
  }

  /** Another key or token from now on, for one that ends or has been changed. */
  set key(key: string) {
    this.#key = key;
    this.#stopped = false;
    this.#schedule(0);
  }

  /**
   * Takes an event, and gives its id; null when it is not taken: without consent, with a full outbox, or when it cannot
   * be written as JSON. `more` is the user's id, or what the event says otherwise than the options.
   */
  track<Name extends EventName | (string & {})>(name: Name, ...told: Told<Name, Details | string | null>): string | null {
    return this.#quietly(() => this.#take(name, told[0] ?? {}, told[1])) ?? null;
  }

  /** Takes a data point of a dataset, as an event `datapoint.written`. */
  writeDataPoint(dataset: string, point: DataPoint): string | null {
    return this.#quietly(() => {
      const attributes: Record<string, unknown> = { dataset };
      for (const [kind, one] of [["blobs", "blob"], ["doubles", "double"], ["indexes", "index"]] as const) {
        point[kind]?.forEach((value, at) => (attributes[one + (at + 1)] = value));
      }
      return this.#take("datapoint.written", attributes, { occurredAt: point.timestamp });
    }) ?? null;
  }

  /** Who the next events are of; null for nobody in particular. */
  identify(userId: string | null): void {
    this.#options = { ...this.#options, userId };
  }

  /**
   * What the visitor says on being counted, remembered for the next pages. A no empties the outbox, and is told to the
   * service when there was a yes before.
   */
  consent(analytics: boolean, ads?: boolean): void {
    this.#quietly(() => {
      const before = this.#allowed();
      const told = { analytics, ...(ads === undefined ? {} : { ads }) };
      this.#outbox.note("consent", JSON.stringify(told));
      this.#options = { ...this.#options, requireConsent: !analytics };
      if (analytics) return;
      for (const key of this.#outbox.keys()) this.#outbox.remove(key);
      if (before) this.#keep("consent.changed", {}, { context: { consent: told } });
      this.#outbox.note("visit", null);
    });
  }

  /** Sends what waits. Resolves when all of it has its receipt, or the service asks for a pause; never rejects. */
  async flush(): Promise<void> {
    try {
      await this.#draining; // it may have looked before the last event came
      await (this.#draining ??= this.#drain().finally(() => (this.#draining = undefined)));
    } catch (error) {
      this.#say("could not send", error);
    }
  }

  /** Ends the client: what waits is sent, later calls are not taken. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    if (browser) for (const kind of ["pagehide", "visibilitychange", "online", "storage"]) removeEventListener(kind, this);
    await this.flush();
    clearTimeout(this.#timer);
  }

  /** Called by the browser. */
  handleEvent(event: Event): void {
    this.#quietly(() => {
      if (event.type === "pagehide" || (event.type === "visibilitychange" && document.visibilityState === "hidden")) this.#leave();
      else if (event.type === "online") {
        this.#until = 0;
        this.#schedule(0);
      } else if (event.type === "storage" && (event as StorageEvent).key?.startsWith(this.#lock) && (event as StorageEvent).newValue) {
        this.#schedule(2 * (this.#options.interval ?? 3000), true); // another tab's event, should that tab not get to it
      }
    });
  }

  #allowed(): boolean {
    const told = this.#outbox.recall("consent");
    if (told) return (JSON.parse(told) as { analytics: boolean }).analytics;
    return !this.#options.requireConsent && !(this.#options.respectDoNotTrack !== false && browser && wantsNoTracking());
  }

  #take(name: string, attributes: object, more: Details | string | null | undefined): string | null {
    if (this.#closed || !this.#allowed()) return this.#say(`${name} is not taken: closed, or no consent`);
    return this.#keep(name, attributes, typeof more === "string" ? { userId: more } : (more ?? {}));
  }

  #keep(name: string, attributes: object, more: Details): string | null {
    const { siteId, userId, sessionId, source, context } = this.#options;
    const now = Date.now();
    const id = more.eventId ?? newId();
    const consent = this.#outbox.recall("consent");
    const surroundings: Context | undefined = context === false ? undefined : (context ?? pageContext());
    const event = {
      event_id: id,
      event_name: name,
      occurred_at: more.occurredAt ?? new Date(now),
      source: more.source ?? source ?? (browser ? "web" : "server"),
      site_id: more.siteId ?? siteId,
      session_id: more.sessionId ?? (sessionId === false ? undefined : (sessionId ?? (browser ? visit(this.#outbox, now) : undefined))),
      user_id: more.userId === undefined ? (userId ?? undefined) : (more.userId ?? undefined),
      schema: more.schema,
      attributes,
      context: surroundings || more.context || consent
        ? { ...surroundings, ...(consent && { consent: JSON.parse(consent) }), ...more.context }
        : undefined,
    };
    // NOTE: half a surrogate pair, as cut-off text has, makes the whole body unreadable to the service.
    const text = JSON.stringify(event, (_, value: unknown) =>
      typeof value === "string" ? ((value as WellFormed).toWellFormed?.() ?? value) : value,
    );
    if (!this.#outbox.add(text, now)) return this.#say(`${name} is not taken: the outbox is full`);
    this.#say(name, event);
    if (this.#outbox.size >= (this.#options.batchSize ?? 10)) this.#schedule(0);
    else this.#schedule(this.#options.interval ?? 3000);
    return id;
  }

  #schedule(delay: number, retry = false): void {
    const due = Date.now() + delay;
    if (this.#closed || due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#due = Infinity;
      void this.flush();
    }, delay);
    // A program may end while the service is away; its first try it waits for.
    if (retry) (this.#timer as { unref?: () => void }).unref?.();
  }

  /** Nothing is due: a program may end. */
  #rest(): void {
    clearTimeout(this.#timer);
    this.#due = Infinity;
  }

  #pause(): number {
    const told = Number(this.#outbox.recall("until") ?? 0) - Date.now();
    return Math.max(this.#until - Date.now(), told <= LONGEST * 1.25 ? told : 0, 0);
  }

  async #drain(): Promise<void> {
    const sent = async (): Promise<void> => {
      for (;;) {
        const age = 2 * (this.#options.interval ?? 3000);
        const found = this.#outbox.due(Date.now(), age);
        const keys = found.keys.filter((key) => !this.#underWay.has(key));
        if (!keys.length) {
          this.#rest();
          return found.more ? this.#schedule(age, true) : undefined;
        }
        while (keys.length) {
          const pause = this.#pause();
          if (this.#stopped) return;
          if (pause) return this.#schedule(pause, true);
          const batch = this.#batch(keys, ROOM);
          keys.splice(0, batch.taken);
          if (batch.keys.length) await this.#send(batch.keys);
        }
      }
    };
    const pause = this.#pause();
    if (this.#stopped) return;
    if (pause) this.#schedule(pause, true);
    else if (!(await alone(this.#outbox, this.#lock, sent))) this.#schedule(1000, true);
  }

  /** The first keys whose events fit into so many bytes, one at least; and how many keys were looked at. */
  #batch(keys: string[], budget: number): { keys: string[]; taken: number } {
    const chosen: string[] = [];
    let bytes = 50;
    let taken = 0;
    for (; taken < keys.length && chosen.length < this.#size; taken++) {
      const text = this.#outbox.get(keys[taken]!);
      if (text === null) continue;
      bytes += bytesOf(text) + 1;
      if (bytes > budget && chosen.length) break;
      chosen.push(keys[taken]!);
    }
    return { keys: chosen, taken };
  }

  /** A page that may never come back: what is its own goes out at once, and stays in the outbox until its receipt. */
  #leave(): void {
    if (this.#stopped || this.#pause()) return;
    const left = BUDGET - this.#bytesUnderWay();
    const keys = this.#outbox.own().filter((key) => !this.#underWay.has(key));
    const batch = this.#batch(keys, left);
    if (batch.keys.length) void this.#send(batch.keys).catch(() => {});
  }

  #bytesUnderWay(): number {
    let sum = 0;
    for (const bytes of this.#underWay.values()) sum += bytes;
    return sum;
  }

  async #send(keys: string[]): Promise<void> {
    const texts = keys.map((key) => this.#outbox.get(key));
    const body = `{"sent_at":"${new Date().toISOString()}","events":[${texts.filter((text) => text !== null).join()}]}`;
    const sent = keys.filter((_, at) => texts[at] !== null);
    const bytes = bytesOf(body);
    const keepalive = browser && this.#bytesUnderWay() + bytes <= BUDGET;
    sent.forEach((key, at) => this.#underWay.set(key, keepalive && !at ? bytes : 0));
    let verdict: Verdict;
    try {
      const answer = await (this.#options.fetch ?? fetch)(`${this.#url}/api/v1/analytics/events/batch`, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          ...(this.#key.startsWith("ak_") ? { "X-API-Key": this.#key } : { Authorization: `Bearer ${this.#key}` }),
        },
        body,
        keepalive,
        credentials: "omit",
        redirect: "manual",
        ...(AbortSignal.timeout && { signal: AbortSignal.timeout(this.#options.timeout ?? 20_000) }),
      });
      const told: unknown = await answer.json().catch(() => null);
      verdict = judge(answer.status, answer.headers.get("Retry-After"), told);
      this.#say(`${sent.length} events, answered ${answer.status}`, told);
    } catch (error) {
      verdict = { next: "retry", wait: 0 };
      this.#say(`${sent.length} events, no answer`, error);
    } finally {
      for (const key of sent) this.#underWay.delete(key);
    }
    this.#settle(sent, verdict);
  }

  #settle(sent: string[], verdict: Verdict): void {
    let wait = 0;
    if (verdict.next === "settle") {
      const { again, receipts } = verdict;
      sent.forEach((key, at) => again.has(at) || this.#outbox.remove(key));
      for (const one of receipts) if (one.status === "rejected" || one.status === "dropped") this.#refused(one);
      this.#size = MOST;
      if (!again.size) {
        this.#failures = 0;
        return;
      }
    } else if (verdict.next === "split") {
      this.#size = Math.ceil(sent.length / 2);
      if (sent.length > 1) return;
      const text = this.#outbox.get(sent[0]!);
      this.#outbox.remove(sent[0]!);
      this.#size = MOST;
      if (text) this.#refused({ event_id: (JSON.parse(text) as { event_id: string }).event_id, status: "rejected", reason: verdict.reason });
      return;
    } else if (verdict.next === "stop") {
      this.#stopped = true;
      console.warn("auricle: the service refuses the key; what is tracked waits in the outbox");
      return;
    } else {
      wait = verdict.wait;
    }
    const pause = backOff(this.#failures++, wait, Math.random());
    this.#until = Date.now() + pause;
    if (wait) this.#outbox.note("until", String(this.#until));
    this.#schedule(pause, true);
  }

  #refused(receipt: Parameters<NonNullable<Options["onRefused"]>>[0]): void {
    this.#say("refused", receipt);
    this.#quietly(() => this.#options.onRefused?.(receipt));
  }

  #say(...told: unknown[]): null {
    if (this.#options.debug) console.debug("auricle:", ...told);
    return null;
  }

  #quietly<T>(job: () => T): T | undefined {
    try {
      return job();
    } catch (error) {
      this.#say("failed", error);
      return undefined;
    }
  }
}
