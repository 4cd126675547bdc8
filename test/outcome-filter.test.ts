// Which events a filter means: given, when, then.

import { expect, test } from 'vitest';
import type { EncodedEvent } from '../src/event.js';
import { Matcher } from '../src/outcome-filter.js';

const typed = (type: string) => ({ type, handler: 'h', key: null });

test.each([
  ['order.placed', ['order.placed'], ['order', 'order.placed.eu', '']],
  ['order.*', ['order.', 'order.placed', 'order.a.b'], ['order', 'xorder.placed']],
  ['*', ['', 'a', '*'], []],
  ['*.placed', ['.placed', 'order.placed'], ['placed', 'order.placed2']],
  ['a*b*c', ['abc', 'aXbYc', 'abbc', 'abcbc'], ['ac', 'abd', 'acb', 'bc']],
  ['ab*ba', ['abba', 'ab-ba'], ['aba', 'ab']],
  ['a.c', ['a.c'], ['abc']],
  ['a**', ['a', 'abc'], ['b']],
])('the type %s fits %j and not %j', (type, fitting, others) => {
  const matcher = new Matcher({ type }, 'events');
  for (const text of fitting) expect(matcher.fitsEvent(typed(text)), text).toBe(true);
  for (const text of others) expect(matcher.fitsEvent(typed(text)), text).toBe(false);
});

test.each([{}, { type: 't' }, { handler: 'h*' }, { key: 'k' }, { type: 't', handler: 'h*', key: 'k' }])(
  'of a batch any event that fits %j is enough, and no other is',
  (filter) => {
    const matcher = new Matcher(filter, 'events');
    const names = ['h1', 'g'];
    const slot = (type: string, key: string | null, handler: number) => ({
      ...{ event: { type, key } as EncodedEvent, handler },
    });
    const slots = ['t', 'u'].flatMap((type) => ['k', null].flatMap((key) => [0, 1].map((of) => slot(type, key, of))));
    const fits = ({ event, handler }: (typeof slots)[number]) =>
      matcher.fitsEvent({ type: event.type, key: event.key, handler: names[handler]! });
    const others = slots.filter((one) => !fits(one));
    const any = (among: typeof slots) => matcher.fitsAny(among, (handler) => names[handler]!);
    expect(any(others)).toBe(false);
    for (const one of slots.filter(fits)) expect(any([...others, one])).toBe(true);
  },
);

test('all that is given must fit; nothing given fits all', () => {
  const matcher = new Matcher({ type: 't', handler: 'h*', key: 'k' }, 'events');
  const event = { type: 't', handler: 'h1', key: 'k' };
  expect(matcher.fitsEvent(event)).toBe(true);
  for (const change of [{ type: 'u' }, { handler: 'g' }, { key: null }, { key: 'k2' }]) {
    expect(matcher.fitsEvent({ ...event, ...change })).toBe(false);
  }
  expect(new Matcher({}, 'events').fitsEvent(event)).toBe(true);
  expect([new Matcher({}, 'events').isForAll, matcher.isForAll]).toEqual([true, false]);
  expect(matcher.mayFitLane({ handler: null, key: null })).toBe(true);
  expect(matcher.mayFitLane({ handler: 'g', key: 'k' })).toBe(false);
  expect(matcher.mayFitLane({ handler: 'h', key: 'other' })).toBe(false);
});

test.each([
  [7, 'which outcomes are meant must be said by an object with any of type, handler, key, status'],
  [{ typ: 'a' }, 'there is no option "typ"'],
  [{ type: 7 }, 'type must be a string, got 7'],
  [{ type: '' }, 'a pattern must be a string that is not empty'],
  [{ status: 'lost' }, 'status must be one of "succeeded", "dead-lettered", "cancelled", "superseded", got "lost"'],
])('%j is refused', (given, message) => {
  expect(() => new Matcher(given as never, 'outcomes')).toThrow(message);
});

test('a status is no trait of an event without an outcome', () => {
  expect(() => new Matcher({ status: 'succeeded' }, 'events')).toThrow('there is no option "status"');
});
