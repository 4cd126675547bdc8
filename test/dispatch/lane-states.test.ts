// Whose state is in memory, and who waits for it.

import { expect, test } from 'vitest';
import { Lane } from '../../src/dispatch/lane.js';
import { LaneStates } from '../../src/dispatch/lane-states.js';

const state = (value: string) => ({ version: 0, value });
const laneOf = (key: string): Lane => new Lane({ handler: 0, key, state: 'held' });

function statesOf(bytesMax: number): LaneStates {
  const states = new LaneStates({ stateful: [true, false], bytesMax });
  states.trim({ begun: 0, sent: 0 });
  return states;
}

/** Has the state of a lane come from the store. */
function load(states: LaneStates, lane: Lane, value: string): void {
  expect(states.isMissing(lane)).toBe(true);
  states.chill(lane);
  states.answer(states.wish()!, [state(value)]);
}

test('only lanes of keys of handlers that keep state wait for one', () => {
  const states = statesOf(1000);
  expect(states.isMissing(new Lane({ handler: 1, key: 'a', state: 'held' }))).toBe(false);
  expect(states.isMissing(new Lane({ handler: 0, key: null, state: 'free' }))).toBe(false);
  expect(states.isMissing(laneOf('a'))).toBe(true);
});

test('a state that rests is there for the next lane of its key', () => {
  const states = statesOf(1000);
  const lane = laneOf('a');
  load(states, lane, '1');
  states.rest(lane);
  const next = laneOf('a');
  expect(states.isMissing(next)).toBe(false);
  expect(next.keyState).toEqual(state('1'));
});

test('a state is forgotten only once the group with its last change has been sent', () => {
  const states = statesOf(0);
  const lane = laneOf('a');
  load(states, lane, '1');
  states.rest(lane);
  states.trim({ begun: 1, sent: 0 });
  expect(states.bytes).toBeGreaterThan(0);
  states.trim({ begun: 1, sent: 1 });
  expect(states.bytes).toBe(0);
});

test('an answer that comes after its lane was emptied is of before', () => {
  const states = statesOf(1000);
  const lane = laneOf('a');
  states.chill(lane);
  const wish = states.wish()!;
  states.leave(lane);
  states.chill(lane);
  states.answer(wish, [state('old')]);
  expect(lane.keyState).toBeUndefined();
  expect(states.wish()?.lanes).toEqual([lane]);
});

test('what did not fit into an answer is asked for again', () => {
  const states = statesOf(1000);
  const [a, b] = [laneOf('a'), laneOf('b')];
  states.chill(a);
  states.chill(b);
  const wish = states.wish()!;
  expect(states.wish()).toBeNull();
  states.answer(wish, [null]);
  expect(a.keyState).toBeNull();
  expect(states.wish()?.lanes).toEqual([b]);
});
