// The handlers of the bench as a list, each for a type and a pattern that no other event fits: what a cell of these costs
// more than one of the map is what fan-out costs those who do not use it.

import { defineHandlers, type NamedHandler } from '../src/index.js';
import handlers from './handlers.js';

const listed = Object.entries(handlers).map(([name, run]): NamedHandler => ({ name, on: [name, `${name}.*`], run }));

export default defineHandlers(listed);
