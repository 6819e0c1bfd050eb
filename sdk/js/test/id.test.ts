import assert from "node:assert/strict";
import { test } from "node:test";
import { newId } from "../src/id.ts";

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const sources: [string, Partial<Crypto> | undefined][] = [
  ["a secure page", globalThis.crypto],
  ["a page on plain HTTP", { getRandomValues: (bytes) => globalThis.crypto.getRandomValues(bytes) }],
  ["a place without crypto", {}],
];

for (const [place, source] of sources) {
  test(`ids made in ${place} are UUIDs, each another`, () => {
    const ids = Array.from({ length: 1000 }, () => newId(source));

    assert.deepEqual(ids.filter((id) => !UUID4.test(id)), []);
    assert.equal(new Set(ids).size, 1000);
  });
}
