// The handlers of the bench beside one that keeps state and takes no event: what a cell of these costs more than one of
// the map is what state costs those who do not use it.

import { defineHandlers, type NamedHandler } from '../src/index.js';
import handlers from './handlers.js';
import { benchState } from './handlers-stateful.js';

const stateless = Object.entries(handlers).map(([name, run]): NamedHandler => ({ name, on: name, run }));

export default defineHandlers([...stateless, { name: 'other', on: 'other', state: benchState, run: () => null }]);
