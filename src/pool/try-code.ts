// What came of an event in one byte, as it stands in shared memory: its result, what the encoded part of it is, whether
// it was tried, and whether it emitted anything.

import type { HandlerResult } from '../handler.js';
import type { EndedTry } from './ended-try.js';

/** What the encoded part of an event is. */
export const kindOf = { nothing: 0, text: 1, bytes: 2, error: 3 } as const;
const kindShift = 4;
const resultMask = 0x0f;
const kindMask = 0x03;
const untriedBit = 0x40;
const emittedBit = 0x80;

export function tryCode(ended: EndedTry): number {
  const emitted = ended.emitted === null ? 0 : emittedBit;
  return ended.result | (kindOfTry(ended) << kindShift) | (ended.isTried ? 0 : untriedBit) | emitted;
}

export function readTryCode(code: number): { result: HandlerResult; kind: number; isTried: boolean; emits: boolean } {
  return {
    result: (code & resultMask) as HandlerResult,
    kind: (code >> kindShift) & kindMask,
    isTried: (code & untriedBit) === 0,
    emits: (code & emittedBit) !== 0,
  };
}

function kindOfTry({ error, value }: EndedTry): number {
  if (error !== null) return kindOf.error;
  if (value === null) return kindOf.nothing;
  return typeof value === 'string' ? kindOf.text : kindOf.bytes;
}
