// The handlers of the market demo: candles move the indicators of their symbol, and where these say so emit a signal; a
// signal becomes an order, sized by what is held. Each keeps what it needs of a symbol as its state.

import { defineHandlers, type HandlerContext, type HandlerEvent } from '../../../src/index.js';
import type { Candle } from './candles.js';
import { noIndicators, type Reading, readingOf, type Signal, signalOf, withClose } from './indicators.js';
import { nothingHeld, type Order, orderFor, withOrder } from './orders.js';

export default defineHandlers([
  {
    ...{ name: 'indicators', on: 'candle', state: { initial: () => noIndicators } },
    run: ({ key, data: { close } }: HandlerEvent<Candle>, context: HandlerContext): Reading | null => {
      const indicators = withClose(context.state, close);
      context.setState(indicators);
      const reading = readingOf(indicators);
      const signal = reading === null ? null : signalOf(reading, close);
      if (signal !== null) context.emit({ type: 'signal', key, data: signal });
      return reading;
    },
  },
  {
    ...{ name: 'orders', on: 'signal', state: { initial: () => nothingHeld } },
    run: ({ data }: HandlerEvent<Signal>, context: HandlerContext): Order => {
      const order = orderFor(context.state, data);
      context.setState(withOrder(context.state, order, data.close));
      return order;
    },
  },
]);
