/** One symbol in full: its price, its chart, and the depth of its order book. */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { count } from '../design/format.ts';
import { Close, Star } from '../design/icons.tsx';
import { pathOf } from './main.tsx';
import { useBook } from './live.ts';
import type { Ticker } from './ticker.ts';

const LEVELS = 9;

interface Props { symbol: string; name: string; ticker: Ticker; closes: readonly number[]; isStale: boolean; isOpen: boolean; onClose: () => void; isWatched: boolean; watch: (on: boolean) => void }

export function Book({ symbol, name, ticker, closes, isStale, isOpen, onClose, isWatched, watch }: Props) {
  const line = pathOf(closes, 320, 110);
  const book = useRef<HTMLElement>(null);
  useLayoutEffect(() => ticker.show(symbol, book.current!), [ticker, symbol]);
  useEffect(() => {
    if (!isOpen) return;
    const onKey = (event: KeyboardEvent) => { if (event.key === 'Escape') onClose(); };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [isOpen]);
  return (
    <aside ref={book} class={`book ${isOpen ? 'open' : ''} ${isStale ? 'is-stale' : ''}`} aria-labelledby="book-title" id="book">
      <header>
        <div><h2 id="book-title">{symbol}</h2><p class="soft">{name}</p></div>
        <button class="star" type="button" aria-pressed={isWatched} aria-label={`Watch ${symbol}, shown in full`} onClick={() => watch(!isWatched)}><Star on={isWatched} /></button>
        <button class="icon-button close" type="button" aria-label="Back to the table" onClick={onClose}><Close /></button>
      </header>
      <p class="now num"><b data-cell="price" /> <span class="trend" data-cell="change" /></p>
      <svg class="big trend" viewBox="0 0 320 110" preserveAspectRatio="none" role="img" aria-label={`${symbol} over the last two minutes`}><path class="area" d={line && `${line}L320,110L0,110Z`} /><path class="line" d={line} /></svg>
      <h3 class="label">Order book</h3>
      <Depth symbol={symbol} />
    </aside>
  );
}

/** The best prices of both sides. Its rows stay where they are, so a change of the book is a change of texts. */
function Depth({ symbol }: { symbol: string }) {
  const { bids, asks } = useBook(symbol);
  const [buy, sell] = [levels(bids), levels(asks)];
  const most = Math.max(1, ...[...buy, ...sell].map(level => level.total));
  return (
    <div class="depth num" role="table" aria-label={`Order book of ${symbol}`}>
      <div role="row" class="level titles"><span role="columnheader">Shares</span><span role="columnheader">Price</span><span role="columnheader">Sum</span></div>
      {sell.slice().reverse().map((level, n) => <Row key={`ask-${n}`} level={level} most={most} side="ask" />)}
      {sell.length > 0 && buy.length > 0 && <div key="spread" role="row" class="spread"><span role="cell">spread {(sell[0]!.price - buy[0]!.price).toFixed(2)}</span></div>}
      {buy.map((level, n) => <Row key={`bid-${n}`} level={level} most={most} side="bid" />)}
      {buy.length + sell.length === 0 && <p class="soft none">The market opens the book …</p>}
    </div>
  );
}

interface Level { readonly price: number; shares: number; total: number }

const Row = ({ level: { price, shares, total }, most, side }: { level: Level; most: number; side: 'bid' | 'ask' }) => (
  <div role="row" class={`level ${side}`}>
    <i style={{ transform: `scaleX(${(total / most).toFixed(2)})` }} aria-hidden="true" />
    <span role="cell">{count(shares)}</span><span role="cell" class={side === 'bid' ? 'up' : 'down'}>{price.toFixed(2)}</span><span role="cell" class="soft">{count(total)}</span>
  </div>
);

/** Orders, best first, as price levels: the shares of each and of all that are as good. An order is `NUMBER:SHARES`. */
function levels(orders: readonly (readonly [order: string, price: number])[]): Level[] {
  const all: Level[] = [];
  for (const [order, price] of orders) {
    const shares = Number(order.split(':')[1]);
    const last = all.at(-1);
    if (last?.price === price) { last.shares += shares; last.total += shares; } else all.push({ price, shares, total: (last?.total ?? 0) + shares });
  }
  return all.slice(0, LEVELS);
}
