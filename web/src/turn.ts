/** The turn of an interaction: out of the events of a session, those between its own beginning and the next one's. */

const BEGINS = "voice.turn_started";
const ASKS = "voice.query";

/** The events of the turn in which the query at 0 was asked; `after` are milliseconds from it, in their order. */
export function turnOf<T extends { event_name: string; after: number }>(events: readonly T[]): T[] {
  const begun = events.findLastIndex((one) => one.event_name === BEGINS && one.after <= 0);
  const asked = events.findLastIndex((one) => one.event_name === ASKS && one.after < 0);
  const from = Math.max(begun, asked + 1, 0);
  const next = events.findIndex((one, i) => i > from && one.after > 0 && (one.event_name === BEGINS || one.event_name === ASKS));
  return events.slice(from, next < 0 ? undefined : next);
}
