// State and follow-up events, end to end: made candles of some symbols, their indicators, the signals that these emit, and
// orders sized by what is held; then the same in a plain loop, which must come to the same orders and states.
//
//   node dist/scripts/examples/market/demo.js, after a build
//
// Exit codes: 0 all is the same, 1 something is not.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createProcessor } from '../../../src/index.js';
import { type Candle, candles } from './candles.js';
import { type Indicators, noIndicators, readingOf, signalOf, withClose } from './indicators.js';
import { type Holding, nothingHeld, type Order, orderFor, withOrder } from './orders.js';

const market = { symbols: 12, minutes: 600 };

interface Trades {
  /** By symbol, in their order, as JSON text. */
  readonly orders: Record<string, string[]>;
  /** By handler and symbol, as JSON text. */
  readonly states: Record<string, string>;
}

const folder = mkdtempSync(join(tmpdir(), 'keylane-market-'));
try {
  const store = join(folder, 'market.db');
  await trade(store);
  const found = tradesIn(store);
  const expected = tradesOfPlainLoop();
  print(found);
  const isSame = JSON.stringify(found) === JSON.stringify(expected);
  console.log(isSame ? '\nThe same orders and states as in a plain loop.' : '\nFAILED: a plain loop comes to others.');
  process.exitCode = isSame ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function trade(store: string): Promise<void> {
  const processor = await createProcessor<{ candle: Candle }>({
    ...{ handlers: new URL('./handlers.js', import.meta.url), store, durability: 'process' },
  });
  const events = function* () {
    for (const candle of candles(market)) yield { type: 'candle' as const, key: candle.symbol, data: candle };
  };
  await processor.publishMany(events());
  await processor.drain();
}

function tradesIn(store: string): Trades {
  const db = new Database(store, { readonly: true });
  try {
    const orders: Record<string, string[]> = {};
    const rows = db.prepare(`SELECT key, result FROM outcomes WHERE handler = 'orders' ORDER BY key, position`).all();
    for (const { key, result } of rows as { key: string; result: string }[]) {
      orders[key] = [...(orders[key] ?? []), result];
    }
    const states = db.prepare(`SELECT handler || ' ' || key AS name, value FROM states ORDER BY name`).all();
    return {
      orders,
      states: Object.fromEntries((states as { name: string; value: string }[]).map(({ name, value }) => [name, value])),
    };
  } finally {
    db.close();
  }
}

function tradesOfPlainLoop(): Trades {
  const indicators = new Map<string, Indicators>();
  const holdings = new Map<string, Holding>();
  const orders = new Map<string, Order[]>();
  for (const { symbol, close } of candles(market)) {
    const next = withClose(indicators.get(symbol) ?? noIndicators, close);
    indicators.set(symbol, next);
    const reading = readingOf(next);
    const signal = reading === null ? null : signalOf(reading, close);
    if (signal === null) continue;
    const holding = holdings.get(symbol) ?? nothingHeld;
    const order = orderFor(holding, signal);
    holdings.set(symbol, withOrder(holding, order, close));
    orders.set(symbol, [...(orders.get(symbol) ?? []), order]);
  }
  const named = (handler: string, states: ReadonlyMap<string, object>): [string, string][] => {
    return [...states].map(([symbol, state]) => [`${handler} ${symbol}`, JSON.stringify(state)]);
  };
  const states = [...named('indicators', indicators), ...named('orders', holdings)].sort(byName);
  return {
    orders: Object.fromEntries(
      [...orders].sort(byName).map(([symbol, all]) => [symbol, all.map((order) => JSON.stringify(order))]),
    ),
    states: Object.fromEntries(states),
  };
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function print({ orders, states }: Trades): void {
  console.log(`${market.symbols} symbols, ${market.minutes} candles of each: indicators, signals, orders\n`);
  console.log('  symbol   orders   held        cash');
  for (const [symbol, all] of Object.entries(orders)) {
    const { quantity, cash } = JSON.parse(states[`orders ${symbol}`]!) as Holding;
    const columns = [all.length, quantity].map((value) => String(value).padStart(7)).join('');
    console.log(`  ${symbol.padEnd(8)}${columns}${cash.toFixed(2).padStart(12)}`);
  }
}
