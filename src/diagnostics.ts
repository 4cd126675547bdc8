// What happens, told to whoever subscribes through Node's own `diagnostics_channel`: tools that know no processor.
// Where nobody does, it costs one look at a boolean. The names of the channels and what they carry are public and
// stable.

import { type Channel, channel } from 'node:diagnostics_channel';
import type { ProcessorEvents } from './announcer.js';

/** A batch that has come back: how many events it had, and how long its thread took. */
export interface BatchNews {
  readonly events: number;
  readonly busyUs: number;
}

/** What the channels carry. */
interface News extends ProcessorEvents {
  readonly batch: BatchNews;
}

/** Each message is `{ store, … }`: the path of the processor's store, and under the channel's name what it tells. */
const channels: Readonly<Record<keyof News, Channel>> = {
  outcome: channel('keylane:outcome'),
  deadLetter: channel('keylane:deadLetter'),
  retry: channel('keylane:retry'),
  breaker: channel('keylane:breaker'),
  warning: channel('keylane:warning'),
  fatal: channel('keylane:fatal'),
  batch: channel('keylane:batch'),
};

export function isHeard(name: keyof News): boolean {
  return channels[name].hasSubscribers;
}

export function tellChannel(name: keyof News, of: { store: string; news: News[keyof News] }): void {
  const told = channels[name];
  if (told.hasSubscribers) told.publish({ store: of.store, [name]: of.news });
}
