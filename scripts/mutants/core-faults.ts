// Faults of the core: the dispatcher, the pump and what is between them, by the tests that run on a simulated clock.

import type { Fault } from './fault.js';

export const coreFaults: readonly Fault[] = [
  {
    name: 'a retry does not wait until it is due',
    file: 'src/dispatch/dispatcher.ts',
    from: 'slot.dueMs = nowMs + (delaysMs?.[index] ?? 0);',
    to: 'slot.dueMs = -1;',
  },
  {
    name: 'a dead letter does not stop its lane',
    file: 'src/dispatch/dispatcher.ts',
    from: '    this.away.park(slots, results);\n',
    to: '',
  },
  {
    name: 'an event that waits in the store is brought into memory twice',
    file: 'src/dispatch/dispatcher.ts',
    from: 'if (!this.away.recall(owed)) return;',
    to: 'this.away.recall(owed);',
  },
  {
    name: 'events without an order keep the memory they wait in',
    file: 'src/dispatch/away.ts',
    from: 'const lanes = this.#lanes.stuckLanes().map(',
    to: 'const lanes = this.#lanes.stuckLanes().filter(({ key }) => key !== null).map(',
  },
  {
    name: 'an event without an order that leaves again is not sent',
    file: 'src/dispatch/away.ts',
    from: 'if (slot.recalledFrom !== null && lane.key !== null) {',
    to: 'if (slot.recalledFrom !== null) {',
  },
  {
    name: 'what cannot run yet comes back whatever memory holds',
    file: 'src/dispatch/away.ts',
    from: 'return this.#isShare(stuck, 4) ? 0 : Math.ceil(this.#ring.capacity / 4) - stuck.events;',
    to: 'return this.#ring.capacity;',
  },
  {
    name: 'skipped events go to the back of their lane',
    file: 'src/dispatch/lanes.ts',
    from: 'else lane.putBack(slot);',
    to: 'else lane.append(slot);',
  },
  {
    name: 'skipped events go back first to last',
    file: 'src/dispatch/dispatcher.ts',
    from: 'for (let index = slots.length - 1; index >= 0; index -= 1) {',
    to: 'for (let index = 0; index < slots.length; index += 1) {',
  },
  {
    name: 'empty lanes are kept',
    file: 'src/dispatch/lane-map.ts',
    from: 'if (lanes.get(lane.key) === lane) lanes.delete(lane.key);',
    to: '',
  },
  {
    name: 'a busy lane stands among the ready',
    file: 'src/dispatch/lanes.ts',
    from: "case 'busy':\n        return;",
    to: "case 'busy':\n        this.#ready.push(lane, slot.sequence);\n        return;",
  },
  {
    name: 'a lane is not freed',
    file: 'src/dispatch/dispatcher.ts',
    from: 'for (const lane of batch.lanes) this.#lanes.release(lane);',
    to: 'for (const lane of batch.lanes.slice(1)) this.#lanes.release(lane);',
  },
  {
    name: 'the watermark is the highest position seen',
    file: 'src/dispatch/watermark.ts',
    from: 'return oldest === null ? positionNext : oldest.position;',
    to: 'return positionNext;',
  },
  {
    name: 'lanes do not come oldest first',
    file: 'src/dispatch/lane-heap.ts',
    from: 'if (above.rank <= rank) break;',
    to: 'if (above.rank >= rank) break;',
  },
  {
    name: 'a batch takes every ready lane',
    file: 'src/dispatch/departures.ts',
    from: 'const share = Math.ceil(lanes.ready / placesFree);',
    to: 'const share = lanes.ready;',
  },
  {
    name: 'an outcome counts as durable before its commit',
    file: 'src/settlement.ts',
    from: '    const events = group.joinedEvents(clock.wallMs() * 1000);\n',
    to:
      '    const events = group.joinedEvents(clock.wallMs() * 1000);\n' +
      '    for (const slots of group.slots.splice(0)) this.#parts.dispatcher.confirm(slots);\n',
  },
  {
    name: 'an outcome that waits for its group is forgotten by the alarm',
    file: 'src/groups.ts',
    from: 'this.#cancelAlarm = clock.alarm(leftMs, () => this.#parts.wake());',
    to: '',
  },
  {
    name: 'a group that somebody listens for waits as long as any',
    file: 'src/groups.ts',
    from: 'isTight || group.isAwaited',
    to: 'isTight',
  },
  {
    name: 'the end comes before the last commit',
    file: 'src/pump.ts',
    from: 'if (flights.count > 0 || !this.#settlement.groups.isEmpty) return false;',
    to: 'if (flights.count > 0) return false;',
  },
  {
    name: 'groups in flight are not bounded',
    file: 'src/groups.ts',
    from: 'if (this.#sent.length === inFlightMax) return;',
    to: '',
  },
  {
    name: 'a group grows while the writer is slow',
    file: 'src/groups.ts',
    from: 'if (last !== undefined && !this.#isFull(last)) return last;',
    to: 'if (last !== undefined) return last;',
  },
  {
    name: 'sources wait until no publisher does',
    file: 'src/intake.ts',
    from: 'this.#sourcesFirst = !this.#sourcesFirst;',
    to: '',
  },
  {
    name: 'bytes on their way to the writer are not bounded',
    file: 'src/groups.ts',
    from: '>= this.#parts.limits.unacknowledgedBytesMax) this.#isBehind = true;',
    to: '>= Number.POSITIVE_INFINITY) this.#isBehind = true;',
  },
  {
    name: 'a consumed source is done before its events are durable',
    file: 'src/feed.ts',
    from: "if (this.#state !== 'over' || watermark <= this.#positionLast) return;",
    to: "if (this.#state !== 'over') return;",
  },
  {
    name: 'a publisher is told before its event is stored',
    file: 'src/settlement.ts',
    from: '    const events = group.joinedEvents(clock.wallMs() * 1000);\n',
    to:
      '    const events = group.joinedEvents(clock.wallMs() * 1000);\n' +
      '    group.tellStored({ stored: 0, ignored: 0, duplicates: [], gauges: this.#gauges! });\n',
  },
  {
    name: 'new events overtake the backlog',
    file: 'src/journal.ts',
    from: "if (this.#state === 'behind' || position < this.#cursor) return;",
    to: 'if (position < this.#cursor) return;',
  },
  {
    name: 'a page is asked for where the last one began',
    file: 'src/journal.ts',
    from: '    this.#cursor = page.next;\n',
    to: '',
  },
  {
    name: 'duplicates are run',
    file: 'src/settlement.ts',
    from: 'if (!known.has(index)) journal.stored',
    to: 'journal.stored',
  },
  {
    name: 'the watermark passes parked events',
    file: 'src/partitions.ts',
    from: 'const watermark = Math.min(this.#dispatcher.watermark(partition), known.pin);',
    to: 'const watermark = this.#dispatcher.watermark(partition);',
  },
  {
    name: 'a suspect runs beside others',
    file: 'src/dispatch/departures.ts',
    from: 'return this.#inFlight === 0 ? this.#suspectAlone() : null;',
    to: 'return this.#suspectAlone();',
  },
  {
    name: 'others run beside a suspect',
    file: 'src/dispatch/departures.ts',
    from: '    if (this.#isAlone) return null;\n',
    to: '',
  },
  {
    name: 'others depart while a doubted suspect waits to be alone',
    file: 'src/dispatch/departures.ts',
    from: 'return isSuspect(this.#lanes.oldest) || isSuspect(this.#lanes.oldestDoubted);',
    to: 'return isSuspect(this.#lanes.oldest);',
  },
  {
    name: 'a doubted event departs like any other',
    file: 'src/dispatch/lanes.ts',
    from: '} else if (head.isDoubted) {',
    to: '} else if (head.isDoubted && head.sequence < 0) {',
  },
  {
    name: 'a doubted event is sent to a thread that has run others',
    file: 'src/flights.ts',
    from: 'isFresh ? runners.runFresh(message) : runners.run(message)',
    to: 'runners.run(message)',
  },
  {
    name: 'an event that a fresh thread has run stays doubted',
    file: 'src/dispatch/dispatcher.ts',
    from: '        slot.isDoubted = false;\n',
    to: '',
  },
  {
    name: 'an event that ended the process as often as it may is run again',
    file: 'src/flights.ts',
    from: 'if (alone && first!.deaths !== 0 &&',
    to: 'if (false && alone && first!.deaths !== 0 &&',
  },
  {
    name: 'batches leave without a note in the flight log',
    file: 'src/flights.ts',
    from: '    recorder.depart(flight.place, { events: slots, alone });\n',
    to: '',
  },
  {
    name: 'intake memory does not wait for what is owed from before',
    file: 'src/acceptance.ts',
    from: '!journal.isInStep || room() < route.length) return false;',
    to: 'room() < route.length) return false;',
  },
  {
    name: 'an event that has room for one of its handlers only is admitted',
    file: 'src/intake.ts',
    from: 'if (room() < owed.length) return;',
    to: 'if (room() === 0) return;',
  },
  {
    name: 'an event of a source runs again for a handler that has decided it',
    file: 'src/done-positions.ts',
    from: 'return route.filter((handler) => !done[handler]!.has(position));',
    to: 'return route;',
  },
  {
    name: 'an event that is in memory for one handler is not let back for another',
    file: 'src/dispatch/away.ts',
    from: 'function identityOf({ partition, position, handler }: OwedPlace): string {',
    to: 'function identityOf({ partition, position, handler }: OwedPlace): string {\n  handler -= handler;',
  },
  {
    name: 'a retry goes to the back of its lane',
    file: 'src/dispatch/lanes.ts',
    from: 'else lane.putBack(slot);',
    to: 'else if (slot.dueMs !== noDue) lane.append(slot);\n    else lane.putBack(slot);',
  },
  {
    name: 'skipped events are charged a try',
    file: 'src/dispatch/dispatcher.ts',
    from: 'if (result === handlerResult.doubted) slot.isDoubted = true;',
    to: 'if (result === handlerResult.doubted) slot.isDoubted = true;\n        slot.attempt += 1;',
  },
  {
    name: 'a try that was put off is counted',
    file: 'src/dispatch/dispatcher.ts',
    from: 'if (result === handlerResult.retrying) slot.attempt += 1;',
    to: 'if (result !== handlerResult.skipped) slot.attempt += 1;',
  },
  {
    name: 'an outcome that is on its way to the store is told as cancelled',
    file: 'src/cancellations.ts',
    from: "return 'decided';",
    to: "return 'cancelled';",
  },
];
