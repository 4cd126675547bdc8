// The demo's handlers module, as `keylane run --handlers` takes it: which function handles which type of event.

import { defineHandlers, type HandlerEvent } from '../../../src/index.js';
import { estimateKnockOn, type Flight, type KnockOn } from './model.js';

export default defineHandlers({
  'flight.departed': (event: HandlerEvent<Flight>): KnockOn => estimateKnockOn(event.data),
});
