/** One symbol in full: its price, its chart, and the depth of its order book. */
import { useEffect, useRef } from 'preact/hooks';
import { count, signed } from '../design/format.ts';
import { Close, Star } from '../design/icons.tsx';
import { pathOf } from './main.tsx';
import { useBook, type Quote } from './live.ts';

const LEVELS = 9;

interface Props { symbol: string; name: string; quote: Quote; closes: readonly number[]; isStale: boolean; isOpen: boolean; onClose: () => void; isWatched: boolean; watch: (on: boolean) => void }

export function Book({ symbol, name, quote, closes, isStale, isOpen, onClose, isWatched, watch }: Props) {
  const { bids, asks } = useBook(symbol);
  const [buy, sell] = [levels(bids), levels(asks)];
  const most = Math.max(1, ...[...buy, ...sell].map(level => level.total));
  const prices = [...closes, quote.price];
  const line = pathOf(prices, 320, 110);
  const trend = quote.change >= 0 ? 'up' : 'down';
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const onKey = (event: KeyboardEvent) => { if (event.key === 'Escape') onClose(); };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [isOpen]);
  return (
    <aside class={`book ${isOpen ? 'open' : ''} ${isStale ? 'is-stale' : ''}`} aria-labelledby="book-title" id="book">
      <header>
        <div><h2 id="book-title">{symbol}</h2><p class="soft">{name}</p></div>
        <button class="star" type="button" aria-pressed={isWatched} aria-label={`Watch ${symbol}, shown in full`} onClick={() => watch(!isWatched)}><Star on={isWatched} /></button>
        <button class="icon-button close" type="button" ref={close} aria-label="Back to the table" onClick={onClose}><Close /></button>
      </header>
      <p class="now num"><b>{quote.price.toFixed(2)}</b> <span class={trend}>{signed(quote.change)}</span></p>
      <svg class={`big ${trend}`} viewBox="0 0 320 110" preserveAspectRatio="none" role="img" aria-label={`${symbol} over the last two minutes`}><path class="area" d={line && `${line}L320,110L0,110Z`} /><path class="line" d={line} /></svg>
      <h3 class="label">Order book</h3>
      <div class="depth num" role="table" aria-label={`Order book of ${symbol}`}>
        <div role="row" class="level titles"><span role="columnheader">Shares</span><span role="columnheader">Price</span><span role="columnheader">Sum</span></div>
        {sell.slice().reverse().map(level => <Level key={level.price} {...level} most={most} side="ask" />)}
        {sell.length > 0 && buy.length > 0 && <div role="row" class="spread"><span role="cell">spread {(sell[0]!.price - buy[0]!.price).toFixed(2)}</span></div>}
        {buy.map(level => <Level key={level.price} {...level} most={most} side="bid" />)}
        {buy.length + sell.length === 0 && <p class="soft none">The market opens the book …</p>}
      </div>
    </aside>
  );
}

const Level = ({ price, shares, total, most, side }: { price: number; shares: number; total: number; most: number; side: 'bid' | 'ask' }) => (
  <div role="row" class={`level ${side}`}>
    <i style={{ '--share': String(total / most) }} aria-hidden="true" />
    <span role="cell">{count(shares)}</span><span role="cell" class={side === 'bid' ? 'up' : 'down'}>{price.toFixed(2)}</span><span role="cell" class="soft">{count(total)}</span>
  </div>
);

/** Orders, best first, as price levels: the shares of each and of all that are as good. An order is `NUMBER:SHARES`. */
function levels(orders: readonly (readonly [order: string, price: number])[]): { price: number; shares: number; total: number }[] {
  const all: { price: number; shares: number; total: number }[] = [];
  for (const [order, price] of orders) {
    const shares = Number(order.split(':')[1]);
    const last = all.at(-1);
    if (last?.price === price) { last.shares += shares; last.total += shares; } else all.push({ price, shares, total: (last?.total ?? 0) + shares });
  }
  return all.slice(0, LEVELS);
}
