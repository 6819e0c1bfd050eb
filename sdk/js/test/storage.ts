/** A storage as pages have it, in memory, with room for so many characters. Its keys are properties, as there. */
export function storage(room = Infinity): Storage {
  const used = (): number => Object.entries(kept).reduce((sum, [key, value]) => sum + key.length + String(value).length, 0);
  const kept = Object.create({
    getItem: (key: string) => (Object.hasOwn(kept, key) ? kept[key] : null),
    removeItem: (key: string) => void delete kept[key],
    setItem: (key: string, value: string) => {
      if (used() + key.length + value.length > room) throw new DOMException("full", "QuotaExceededError");
      kept[key] = String(value);
    },
  });
  return kept as Storage;
}

/** The events that a storage holds. */
export function held(place: Storage): { event_id: string; event_name: string }[] {
  return Object.keys(place).filter((key) => !key.includes("!")).sort().map((key) => JSON.parse(place.getItem(key)!));
}
