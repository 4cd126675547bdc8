// What is done with a signal: an order, sized by what is held of the symbol already.

import type { Signal } from './indicators.js';

export interface Holding {
  readonly quantity: number;
  readonly cash: number;
  readonly orders: number;
}

export const nothingHeld: Holding = { quantity: 0, cash: 10_000, orders: 0 };

export interface Order {
  readonly side: Signal['side'];
  readonly quantity: number;
}

/** A tenth of the cash, less after a deep fall; a third of what is held. */
const cashShare = 0.1;
const sellShare = 1 / 3;

export function orderFor(holding: Holding, { side, close, drawdown }: Signal): Order {
  if (side === 'sell') return { side, quantity: Math.ceil(holding.quantity * sellShare) };
  return { side, quantity: Math.floor((holding.cash * cashShare * (1 - Math.min(0.9, drawdown))) / close) };
}

export function withOrder(before: Holding, { side, quantity }: Order, close: number): Holding {
  const bought = side === 'buy' ? quantity : -quantity;
  return {
    quantity: before.quantity + bought,
    cash: Math.round((before.cash - bought * close) * 100) / 100,
    orders: before.orders + 1,
  };
}
