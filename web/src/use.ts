/** The hooks: what is asked, kept and pressed. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, wordsOf } from "./api.ts";
import { API } from "./api.ts";
import { type Filter, type Place, bodyOf, hashOf, placeOf, withFilter } from "./place.ts";

export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export interface Asked<T> {
  data: T | null;
  error: string;
  loading: boolean;
  /** Asks once more. */
  again: () => void;
}

/** The answer to a request, asked anew whenever it changes; null asks nothing. The last answer stays while the next is on its way. */
export function useAnswer<T>(method: string, path: string | null, body?: unknown, link?: string): Asked<T> {
  const [state, put] = useState<{ data: T | null; error: string; loading: boolean }>({ data: null, error: "", loading: true });
  const [turn, next] = useState(0);
  const text = body === undefined ? undefined : JSON.stringify(body);
  useEffect(() => {
    if (path === null) return;
    const aborted = new AbortController();
    put((before) => ({ ...before, loading: true }));
    ask<T>(method, path, text === undefined ? undefined : JSON.parse(text), { signal: aborted.signal, ...(link ? { link } : {}) }).then(
      (data) => !aborted.signal.aborted && put({ data, error: "", loading: false }),
      (error) => !aborted.signal.aborted && put({ data: null, error: wordsOf(error), loading: false }),
    );
    return () => aborted.abort();
  }, [method, path, text, turn, link]);
  return { ...state, again: () => next((one) => one + 1) };
}

/** The answer of a report, for the time and the filters of the place. */
export function useReport<T>(name: string | null, place: Place, asked: Record<string, unknown>): Asked<T> {
  const filters = [...((asked["filters"] as Filter[] | undefined) ?? []), ...place.filters];
  const body = { ...bodyOf(place, ZONE), ...asked, ...(filters.length ? { filters } : {}) };
  return useAnswer<T>("POST", name === null ? null : `${API}/reports/${name}`, body);
}

/** The place in the address, and what goes to another. */
export function usePlace(): [Place, (change: Partial<Place>) => void] {
  const [place, put] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const moved = () => put(placeOf(location.hash));
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return [place, (change) => (location.hash = hashOf({ ...placeOf(location.hash), ...change }))];
}

/** Adds a filter to the place. */
export function filterBy(field: string, value: string | number | boolean, op = "eq"): void {
  const place = placeOf(location.hash);
  location.hash = hashOf({ ...place, filters: withFilter(place.filters, { field, op, value }) });
}

/** Calls `act` for keys that are pressed outside of any field. */
export function useKeys(act: (key: string) => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const at = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || at.closest("input, textarea, select, dialog")) return;
      latest.current(event.key);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}
