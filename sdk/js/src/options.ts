import type { Context, Envelope } from "./events.ts";
import type { Receipt } from "./verdict.ts";

export type Source = Envelope["source"];

/** How a client behaves. Nothing needs to be set. */
export interface Options {
  /** The store, website, project or app. */
  siteId?: string | undefined;
  /** The person, best by a pseudonym; `identify` changes it. */
  userId?: string | null | undefined;
  /** The visit; `false` for none. Without it a page makes one, which ends after half an hour without an event. */
  sessionId?: string | false | undefined;
  /** Where the events come from: `web` in a page, `server` elsewhere. */
  source?: Source | undefined;
  /** What stands in every event's `context`; `false` for nothing. Without it a page tells its address, its title, the browser and the language. */
  context?: Context | false | undefined;
  /** Events that are sent without waiting for more. 10. */
  batchSize?: number | undefined;
  /** Milliseconds that an event waits for others. 3,000. */
  interval?: number | undefined;
  /** Events that may wait in the outbox. 10,000. */
  maxEvents?: number | undefined;
  /** Characters of JSON that may wait in the outbox. 2,000,000, less than half of what a browser gives an origin. */
  maxChars?: number | undefined;
  /** Milliseconds after which a request without an answer has failed. 20,000. */
  timeout?: number | undefined;
  /** Whether nothing is counted before `consent(true)`. */
  requireConsent?: boolean | undefined;
  /** Whether "Do Not Track" and Global Privacy Control count as a no, as long as no `consent` was given. True. */
  respectDoNotTrack?: boolean | undefined;
  /** Whether the console is told what happens. */
  debug?: boolean | undefined;
  /** The name of the outbox: two tenants on one origin need two. */
  name?: string | undefined;
  /** Called with each event's receipt that is `rejected` or `dropped`. */
  onRefused?: ((receipt: Pick<Receipt, "event_id" | "status" | "reason" | "errors">) => void) | undefined;
  /** Where the outbox is kept, `localStorage` in a page; null for memory alone. */
  storage?: Storage | null | undefined;
  /** What sends requests. */
  fetch?: typeof fetch | undefined;
}

/** What one event says otherwise than the client's options. */
export interface Details {
  eventId?: string | undefined;
  occurredAt?: Date | string | undefined;
  siteId?: string | undefined;
  userId?: string | null | undefined;
  sessionId?: string | undefined;
  source?: Source | undefined;
  context?: Context | undefined;
  /** The schema of the attributes, `auricle:…`. */
  schema?: string | undefined;
}

/** A data point: values without names, in a dataset. At most 20 blobs, 20 doubles and 2 indexes. */
export interface DataPoint {
  blobs?: (string | null)[] | undefined;
  doubles?: (number | null)[] | undefined;
  indexes?: (string | null)[] | undefined;
  timestamp?: Date | string | undefined;
}
