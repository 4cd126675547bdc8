// States in the store: one row a key, and none that is older than what is there.

import { expect, test } from 'vitest';
import { atPath, groupWith, requestFor, rowOf, withStore } from './store-fixture.js';

test('a group that comes again leaves the states of later ones as they are', () =>
  atPath((path) =>
    withStore(requestFor(path), (store) => {
      const { partition } = store.openPartition('file:/a');
      const group = (position: number) =>
        groupWith([rowOf(position, { partition })], {
          states: [{ handler: 0, key: 'k', partition, position, state: { version: 2, value: `"${position}"` } }],
        });
      for (const position of [1, 2, 1]) store.append(group(position));
      const request = { handlers: [0, 0], keys: ['k', 'other'], bytesMax: 9_999 };
      expect(store.readStates(request)).toEqual([{ version: 2, value: '"2"' }, null]);
      expect(store.readStates({ ...request, bytesMax: 0 })).toHaveLength(1);
    }),
  ));
