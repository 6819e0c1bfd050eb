/** Numbers, times and texts as people read them. */

export type Format = (value: number | null | undefined) => string;

const NONE = "–";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const cents = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 2 });
const tiny = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumSignificantDigits: 2 });

const known = (value: number | null | undefined): value is number => typeof value === "number" && Number.isFinite(value);

/** 1,204; 12.3K from ten thousand on. */
export const count: Format = (value) => (known(value) ? (Math.abs(value) < 10_000 ? whole : short).format(value) : NONE);
/** Every digit. */
export const exact: Format = (value) => (known(value) ? whole.format(value) : NONE);
/** 0.953 is 95.3 %. */
export const percent: Format = (value) => (known(value) ? `${(value * 100).toFixed(value === 1 || value === 0 ? 0 : 1)} %` : NONE);
/** 412 ms; 1.8 s from a second on. */
export const millis: Format = (value) => (known(value) ? (value < 1_000 ? `${Math.round(value)} ms` : `${(value / 1_000).toFixed(1)} s`) : NONE);
/** $3.41; two digits of what is less than a cent. */
export const dollars: Format = (value) => (known(value) ? (value !== 0 && Math.abs(value) < 0.01 ? tiny : cents).format(value) : NONE);
/** 4.2 */
export const decimal: Format = (value) => (known(value) ? value.toFixed(1) : NONE);

/** 41 s, 3 min, 2.5 h, 1.2 d */
export const span: Format = (value) => {
  if (!known(value)) return NONE;
  if (value < 60) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  if (value < 3_600) return `${Math.round(value / 60)} min`;
  return value < 86_400 ? `${(value / 3_600).toFixed(1)} h` : `${(value / 86_400).toFixed(1)} d`;
};

/** What a metric's values are, by its name. */
export function formatOf(metric: string): Format {
  if (/rate$/.test(metric)) return percent;
  if (/_ms(\.|$)/.test(metric)) return millis;
  if (/usd/.test(metric)) return dollars;
  return /avg$/.test(metric) ? decimal : count;
}

/** How much more or less than before, as +12 %; null when that says nothing. */
export function change(now: number | null | undefined, before: number | null | undefined): number | null {
  if (!known(now) || !known(before) || before === 0) return null;
  return (now - before) / Math.abs(before);
}

/** A moment, as the grain of a chart wants it told. */
export function moment(text: string, grain = "1m", zone?: string): string {
  const at = new Date(text);
  const day: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
  const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hour12: false };
  const shown = grain === "1mo" ? { month: "short", year: "numeric" } as const : grain === "1d" || grain === "1w" ? day : grain === "full" ? { ...day, ...clock, second: "2-digit" as const } : { ...day, ...clock };
  return at.toLocaleString("en-GB", zone ? { ...shown, timeZone: zone } : shown);
}

/** A text that comes from events: in one line, with what would turn or hide its neighbours made visible, and not endless. */
export function tame(text: unknown, most = 160): string {
  const told = typeof text === "string" ? text : text === null || text === undefined ? "" : JSON.stringify(text);
  // biome-ignore lint: the ranges are the point
  const plain = told.slice(0, most + 1).replace(/[\u0000-\u001f\u007f-\u009f]/g, "␣").replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, "�");
  return told.length > most ? `${plain.slice(0, most)}…` : plain;
}
