// The demo's handlers module, as `keylane run --handlers` takes it: what handles which type of event, and what it keeps
// for each airport.

import { defineHandlers, type HandlerContext, type HandlerEvent } from '../../../src/index.js';
import { newAirport, withFlight } from './airport.js';
import { estimateKnockOn, type Flight, type KnockOn } from './model.js';

export default defineHandlers([
  {
    ...{ name: 'flight.departed', on: 'flight.departed', state: { initial: () => newAirport } },
    run: ({ data }: HandlerEvent<Flight>, context: HandlerContext): KnockOn => {
      context.setState(withFlight(context.state, data));
      return estimateKnockOn(data);
    },
  },
]);
