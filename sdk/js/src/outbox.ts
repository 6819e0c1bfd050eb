/**
 * The outbox: events that no receipt has told of yet, each under a key of its own, oldest first.
 *
 * In a page it is `localStorage`, which is written before `add` returns, so a page that is closed or killed right then
 * keeps the event for the next one; all tabs of an origin share it. Each event has its own key, so tabs never overwrite
 * each other, and whoever holds the lock sends for all. Where there is no storage, or no room in it, memory holds them.
 */
export interface Limits {
  /** Events that may wait. */
  maxEvents: number;
  /** Characters of JSON that may wait: a browser gives an origin about five million. */
  maxChars: number;
}

export class Outbox {
  #memory = new Map<string, string>();
  #own = new Set<string>();
  #words = new Map<string, string>();
  #storage: Storage | null;
  #prefix: string;
  #limits: Limits;
  #tab = Math.random().toString(36).slice(2, 8);
  #made = 0;
  #chars = 0;
  #count = 0;

  constructor(storage: Storage | null, prefix: string, limits: Limits) {
    this.#storage = storage;
    this.#prefix = prefix;
    this.#limits = limits;
    this.keys();
  }

  /** Whether other tabs see the same events. */
  get shared(): boolean {
    return this.#storage !== null;
  }

  /** How many events wait, as far as this tab has looked. */
  get size(): number {
    return this.#count;
  }

  /** Keeps an event; false when the outbox is full. What was kept is never pushed out by what comes later. */
  add(text: string, now: number): boolean {
    if (this.#count >= this.#limits.maxEvents || this.#chars + text.length > this.#limits.maxChars) return false;
    const key = `${this.#prefix}${now.toString(36).padStart(TIME, "0")}${(++this.#made).toString(36).padStart(5, "0")}${this.#tab}`;
    try {
      if (!this.#storage) throw 0;
      this.#storage.setItem(key, text);
    } catch {
      this.#memory.set(key, text); // no storage, or it is full of other things of the page
    }
    this.#own.add(key);
    this.#count++;
    this.#chars += text.length;
    return true;
  }

  /**
   * The keys of the events that this tab is to send: its own, and those of others that are older than `age` milliseconds,
   * which they had time for. Says whether there are younger ones, too.
   */
  due(now: number, age: number): { keys: string[]; more: boolean } {
    const all = this.keys();
    const keys = all.filter((key) => this.#own.has(key) || Math.abs(now - madeAt(key, this.#prefix)) > age);
    return { keys, more: keys.length < all.length };
  }

  /** The keys of all events, those of other tabs too, oldest first. */
  keys(): string[] {
    const found = [...this.#memory.keys()];
    for (const key of this.#storage ? Object.keys(this.#storage) : []) {
      if (key.startsWith(this.#prefix) && key[this.#prefix.length] !== "!") found.push(key);
    }
    if (found.length !== this.#count) {
      this.#count = found.length; // other tabs have been at it
      this.#chars = found.reduce((sum, key) => sum + (this.get(key)?.length ?? 0), 0);
    }
    return found.sort();
  }

  /** The keys of the events of this tab. */
  own(): string[] {
    return [...this.#own].filter((key) => this.get(key) !== null);
  }

  /** The event of a key as JSON; null when it has been sent meanwhile. */
  get(key: string): string | null {
    return this.#memory.get(key) ?? this.#storage?.getItem(key) ?? null;
  }

  /** Lets an event go. */
  remove(key: string): void {
    const text = this.get(key);
    this.#own.delete(key);
    if (text === null) return;
    this.#memory.delete(key);
    this.#storage?.removeItem(key);
    this.#count--;
    this.#chars -= text.length;
  }

  /** A word that the tabs share, such as until when nobody may send. */
  recall(word: string): string | null {
    return this.#storage?.getItem(`${this.#prefix}!${word}`) ?? this.#words.get(word) ?? null;
  }

  /** Writes down a word for all tabs; null forgets it. */
  note(word: string, value: string | null): void {
    const key = `${this.#prefix}!${word}`;
    this.#words.delete(word);
    try {
      if (value === null) this.#storage?.removeItem(key);
      else if (this.#storage) this.#storage.setItem(key, value);
      else throw 0;
    } catch {
      this.#words.set(word, value!); // no room: each tab goes by what it knows itself
    }
  }
}

/** Characters of a key that tell when the event was made. */
const TIME = 9;

function madeAt(key: string, prefix: string): number {
  return Number.parseInt(key.slice(prefix.length, prefix.length + TIME), 36);
}

/** The storage of this page, or null where there is no page, or its visitor lets it keep nothing. */
export function pageStorage(): Storage | null {
  try {
    if (typeof document === "undefined") return null;
    const storage = globalThis.localStorage;
    storage.getItem("");
    return storage;
  } catch {
    return null;
  }
}
