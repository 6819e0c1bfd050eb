/** Asks the service, with the session in the cookie or with a shared link. */

export const API = "/api/v1/analytics";

/** A refusal, as the service tells it: RFC 9457. */
export class Refused extends Error {
  readonly status: number;
  readonly faults: { pointer: string; message: string }[];

  constructor(status: number, detail: string, faults: { pointer: string; message: string }[] = []) {
    super(detail);
    this.status = status;
    this.faults = faults;
  }

  /** The refusal in one line, with what is wrong where. */
  get told(): string {
    return [this.message, ...this.faults.map((one) => `${one.pointer || "body"}: ${one.message}`)].join(" ");
  }
}

/** What the service answers to one request. Throws `Refused`. */
export async function ask<T>(method: string, path: string, body?: unknown, more: { signal?: AbortSignal; link?: string } = {}): Promise<T> {
  const headers: Record<string, string> = { "X-Auricle-Page": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (more.link) headers["Authorization"] = `Bearer ${more.link}`;
  const asked: RequestInit = { method, headers, credentials: more.link ? "omit" : "same-origin" };
  if (body !== undefined) asked.body = JSON.stringify(body);
  if (more.signal) asked.signal = more.signal;
  let answer: Response;
  try {
    answer = await fetch(path, asked);
  } catch (error) {
    if (more.signal?.aborted) throw error;
    throw new Refused(0, "The service cannot be reached.");
  }
  const told = await answer.json().catch(() => null);
  if (!answer.ok) {
    const told_ = (told ?? {}) as { detail?: string; errors?: { pointer: string; message: string }[] };
    if (answer.status === 401 && !more.link) dispatchEvent(new Event("auricle:logged-out"));
    throw new Refused(answer.status, told_.detail ?? `The service answered ${answer.status}.`, told_.errors ?? []);
  }
  return told as T;
}

/** A refusal or any other error in words. */
export function wordsOf(error: unknown): string {
  return error instanceof Refused ? error.told : String(error);
}

/** Who is logged in. */
export interface Session {
  tenant: string;
  kind: "user" | "key";
  scopes: string[];
}

/** What a report says of itself. */
export interface Meta {
  from: string;
  to: string;
  as_of: string;
  exact: boolean | string;
  source?: string;
  rows_read: number;
  excluded: Record<string, number>;
  sql?: string;
}

export interface Point {
  t: string;
  value: number | null;
}

export interface Series {
  points?: Point[];
  series?: { key: string; points: Point[] }[];
  meta: Meta;
  previous?: Series;
}

export interface Top {
  rows: { value: string; count: number }[];
  other: number;
  total: number;
  meta: Meta;
}
