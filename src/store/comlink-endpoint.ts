// A thread or a port of Node in the shape Comlink expects, and the gate in front of the writer thread. Comlink itself
// would follow any path into the exposed object, `constructor` included, and dies of a malformed message.

import type { MessagePort, Worker } from 'node:worker_threads';
import type { Endpoint } from 'comlink';
import { invariant } from '../invariant.js';

/** `admit` sees every message first and throws at one that must not pass. */
export function comlinkEndpoint(port: Worker | MessagePort, admit: (message: unknown) => void = () => {}): Endpoint {
  const adapters = new Map<unknown, (data: unknown) => void>();
  return {
    postMessage: (message, transfer) => port.postMessage(message, transfer as never),
    addEventListener: (_type, listener) => {
      const call = typeof listener === 'function' ? listener : listener.handleEvent.bind(listener);
      const adapter = (data: unknown): void => {
        admit(data);
        call({ data } as never);
      };
      adapters.set(listener, adapter);
      port.on('message', adapter);
    },
    removeEventListener: (_type, listener) => {
      const adapter = adapters.get(listener);
      if (adapter !== undefined) port.off('message', adapter);
      adapters.delete(listener);
    },
  };
}

/** Throws at a message that is no call of one of these methods with plain arguments. */
export function admitCallsOf(methods: readonly string[]): (message: unknown) => void {
  return (message) => {
    const { type, path, argumentList } = Object(message) as Record<string, unknown>;
    invariant(type === 'APPLY', 'the writer thread is only sent calls');
    invariant(
      Array.isArray(path) && path.length === 1 && methods.includes(path[0]),
      'a call names a verb of the writer',
    );
    invariant(Array.isArray(argumentList) && argumentList.every(isPlain), 'a call has plain arguments');
  };
}

function isPlain(wireValue: unknown): boolean {
  return Object(wireValue).type === 'RAW';
}
