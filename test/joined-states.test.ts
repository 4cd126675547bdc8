// States as they cross threads: whatever they are, they come out as they went in.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { joinStates, splitStates } from '../src/joined-states.js';
import type { StateAt } from '../src/keyed-state.js';

const value = fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array());
const state = fc.option(fc.record({ version: fc.nat(2 ** 31 - 1), value }));
const states = fc.array(fc.record<StateAt>({ index: fc.nat(10_000), state }));

test('states come out as they went in, with memory of their own or without', () => {
  fc.assert(
    fc.property(states, fc.boolean(), (given, areKept) => {
      const found = splitStates(structuredClone(joinStates(given)), { areKept });
      expect(found).toEqual(given.map(({ index, state }) => ({ index, state: ownBytes(state) })));
      const kept = found.find(({ state }) => state?.value instanceof Uint8Array)?.state?.value as
        | Uint8Array
        | undefined;
      if (areKept && kept !== undefined) expect(kept.buffer.byteLength).toBe(kept.byteLength);
    }),
  );
});

test('bytes that are to outlive the others have memory of their own, of whatever class they came', () => {
  const joined = joinStates([1, 2].map((at) => ({ index: at, state: { version: 0, value: Uint8Array.of(at, at) } })));
  const [first] = splitStates({ ...joined, bytes: Buffer.from(joined.bytes) }, { areKept: true });
  expect((first!.state!.value as Uint8Array).buffer.byteLength).toBe(2);
});

/** fast-check gives bytes that are equal and may be of another class. */
function ownBytes(of: StateAt['state']): StateAt['state'] {
  return of === null || typeof of.value === 'string' ? of : { ...of, value: new Uint8Array(of.value) };
}
