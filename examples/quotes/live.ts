import type { Client } from 'keywire';
import { useClient, useLive, useStream } from 'keywire/react';
import { useMemo } from 'preact/hooks';
import { useAlive } from '../design/alive.ts';
import type { Me } from '../design/me.ts';

export interface Quote { readonly price: number; readonly change: number; readonly volume: number }

/** All quotes: a hash of JSON. 2,000 of them change in a second; twenty times a second comes one patch with what did, straight to who draws. */
export const quotes = (kw: Client) => kw.live<Record<string, Quote>>(['HGETALL', 'demo:quotes'], { json: true, every: 50 });

export const useNames = () => useLive(['HGETALL', 'demo:quotes:names']).value;

/** All prices of the last two minutes, three seconds apart: what the small charts are drawn of. */
export const useCloses = () => useStream('demo:quotes:closes', { from: '0', keep: 40 }).entries;

/** The symbols I watch: a set, the same on all my screens. */
export function useWatchList(me: Me): [ReadonlySet<string>, (symbol: string, on: boolean) => void] {
  const kw = useClient();
  const key = `demo:quotes:watch:${me.id}`;
  const { value } = useLive(['SMEMBERS', key]);
  // A list that nobody changes for ninety days is let go.
  const set = (symbol: string, on: boolean) => void kw.commands([[on ? 'SADD' : 'SREM', key, symbol], ['EXPIRE', key, 90 * 86_400]]).catch(() => {});
  return [useMemo(() => new Set(value), [value]), set];
}

/** An order book: two sorted sets of orders by price, the best first. */
export function useBook(symbol: string) {
  // The market keeps a book while somebody looks: it watches these keys, and they expire.
  useAlive(kw => kw.command(['SET', `demo:quotes:wanted:${symbol}`, 1, 'EX', 8]), 3_000, [symbol]);
  const key = `demo:quotes:book:${symbol}`;
  const bids = useLive(['ZRANGE', `${key}:bids`, '+inf', '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, 48, 'WITHSCORES'], { every: 100 }).value;
  const asks = useLive(['ZRANGE', `${key}:asks`, '-inf', '+inf', 'BYSCORE', 'LIMIT', 0, 48, 'WITHSCORES'], { every: 100 }).value;
  return { bids: bids ?? [], asks: asks ?? [] };
}
