import type { Context } from "./events.ts";
import { newId } from "./id.ts";
import type { Outbox } from "./outbox.ts";

/** Milliseconds without an event after which a visit has ended. */
const VISIT = 1_800_000;

/** Whether the visitor's browser asks not to be counted. */
export function wantsNoTracking(): boolean {
  const told = globalThis.navigator as (Navigator & { globalPrivacyControl?: boolean; doNotTrack?: string | null }) | undefined;
  return told?.globalPrivacyControl === true || told?.doNotTrack === "1";
}

/** What a page says of itself; undefined where there is none. */
export function pageContext(): Context | undefined {
  if (typeof document === "undefined") return undefined;
  return {
    page: { url: location.href, referrer: document.referrer, title: document.title },
    device: { user_agent: navigator.userAgent, viewport: { width: innerWidth, height: innerHeight } },
    locale: navigator.language,
  };
}

/** The visit that all tabs are in; it goes on as long as events come. */
export function visit(outbox: Outbox, now: number): string {
  const [id, seen] = (outbox.recall("visit") ?? "").split(" ");
  const idle = now - Number(seen);
  const goesOn = id && Math.abs(idle) < VISIT;
  const current = goesOn ? id : newId();
  // Once a minute is enough: all tabs hear of what is written, and have to be woken for it.
  if (!goesOn || Math.abs(idle) > 60_000) outbox.note("visit", `${current} ${now}`);
  return current;
}
