/** What the service says became of one event; see `docs/reasons.md`. */
export interface Receipt {
  index: number;
  event_id: string | null;
  status: "stored" | "duplicate" | "rejected" | "dropped" | "retry";
  reason?: string;
  errors?: { pointer: string; rule: string; message: string }[];
}

/** What an answer to a batch says is to be done next, by the rules of `sdk/contract`. */
export type Verdict =
  /** Every event has its receipt, but those at the indexes `again`. */
  | { next: "settle"; again: Set<number>; receipts: Receipt[] }
  /** Nothing is known to be kept: send it all again, not before `wait` milliseconds. */
  | { next: "retry"; wait: number }
  /** Some of it will never be taken: send it in halves, so that one event costs no other. `reason` says why. */
  | { next: "split"; reason: string }
  /** The key is not good for this: send nothing more with it. */
  | { next: "stop" };

/** The verdict of an answer to a batch; `body` is its JSON, or null when it has none. */
export function judge(status: number, retryAfter: string | null, body: unknown): Verdict {
  const told = (body ?? {}) as { results?: Receipt[]; status?: Receipt["status"]; code?: string };
  const good = status >= 200 && status < 300;
  const receipts = good && typeof told.status === "string" ? [{ ...(told as Receipt), index: 0 }] : told.results;
  if ((good || status === 422) && Array.isArray(receipts)) {
    const again = receipts.filter((one) => one.status === "retry").map((one) => one.index);
    return { next: "settle", again: new Set(again), receipts };
  }
  if (status === 401 || status === 403) return { next: "stop" };
  // NOTE: a proxy's error page, or the log-in page of a hotel, says nothing about the events: only the service may
  // refuse them, and its problems have a code.
  if (status >= 400 && status < 500 && told.code && ![404, 405, 408, 429].includes(status)) {
    return { next: "split", reason: told.code };
  }
  return { next: "retry", wait: /^\d+$/.test(retryAfter ?? "") ? Math.min(Number(retryAfter) * 1000, LONGEST) : 0 };
}

/** The longest pause that a server may ask for, in milliseconds. */
export const LONGEST = 3_600_000;

/** Milliseconds until the next try after so many failures in a row: twice as long each time, with some chance in it. */
export function backOff(failures: number, wait: number, chance: number): number {
  const own = Math.min(500 * 2 ** Math.min(failures, 20), 60_000);
  return Math.max(own * (0.5 + chance / 2), wait * (1 + chance / 4));
}
