import type { Outbox } from "./outbox.ts";

/** How long a tab that is gone, or stuck, may keep the others waiting, in milliseconds. Longer than a request may take. */
const LEASE = 30_000;

/**
 * Runs `job` while no other tab runs one; false when another tab is at it and nobody can say until when.
 *
 * Web Locks where the page has them, which is on HTTPS and localhost; else a lease in the outbox. Two tabs that take a
 * lease in the same moment both send, which does no harm: the service counts an event once.
 */
export async function alone(outbox: Outbox, name: string, job: () => Promise<void>): Promise<boolean> {
  const locks = outbox.shared ? globalThis.navigator?.locks : undefined;
  if (locks) {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), LEASE);
    let begun = false;
    const once = (): Promise<void> => {
      begun = true;
      clearTimeout(timer);
      return job();
    };
    try {
      await locks.request(name, { signal: patience.signal }, once);
    } catch (error) {
      if (begun) throw error;
      await locks.request(name, { steal: true }, job); // its holder sleeps, as a page in the background of a phone does
    }
    return true;
  }
  if (!outbox.shared) {
    await job();
    return true;
  }
  const [holder, until] = (outbox.recall("lease") ?? "").split(" ");
  const left = Number(until) - Date.now();
  if (holder && holder !== tab && left > 0 && left <= LEASE) return false;
  outbox.note("lease", `${tab} ${Date.now() + LEASE}`);
  try {
    await job();
  } finally {
    outbox.note("lease", null);
  }
  return true;
}

const tab = Math.random().toString(36).slice(2);
