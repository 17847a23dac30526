/** The quotes' screen: 500 rows of which only those in view are there. What it knows of Redis is in live.ts. */
import { memo } from 'preact/compat';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Entry, FeedState } from 'keywire';
import { useClient, useConnection } from 'keywire/react';
import { Search, Star } from '../design/icons.tsx';
import { useMe } from '../design/me.ts';
import { start } from '../design/shell.tsx';
import { Book } from './book.tsx';
import code from './live.ts?raw';
import { quotes, useCloses, useNames, useWatchList } from './live.ts';
import { Ticker } from './ticker.ts';
import './style.css';

const ROW = 44;
/** How often the order of the rows is made anew, in milliseconds: rows that jump twenty times a second cannot be read. */
const SORT_MS = 1_000;

type Column = 'symbol' | 'price' | 'change' | 'volume';
const COLUMNS: readonly { id: Column; name: string }[] = [
  { id: 'symbol', name: 'Symbol' }, { id: 'price', name: 'Price' }, { id: 'change', name: 'Change' }, { id: 'volume', name: 'Volume' },
];

function Quotes() {
  const [ticker, state] = useTicker();
  const names = useNames();
  const [me] = useMe();
  const [watched, watch] = useWatchList(me);
  const [only, setOnly] = useState(false);
  const [search, setSearch] = useState('');
  const [sort, setSort] = useState<{ by: Column; down: boolean }>({ by: 'volume', down: true });
  const [chosen, choose] = useState<string | undefined>(() => location.hash.slice(1) || undefined);
  const { state: connection } = useConnection();
  const charts = useCharts();
  const isStale = state === 'stale' || connection !== 'open';
  const tick = useClock(SORT_MS);

  const known = state !== 'loading';
  const order = useMemo(() => {
    const all = ticker.quotes;
    const wanted = search.trim().toLowerCase();
    const shown = Object.keys(all).filter(symbol => (!only || watched.has(symbol)) && (!wanted || symbol.toLowerCase().includes(wanted) || names?.[symbol]?.toLowerCase().includes(wanted)));
    const sign = sort.down ? -1 : 1;
    const by = sort.by;
    return shown.sort((a, b) => sign * (by === 'symbol' ? (a < b ? -1 : 1) : all[a]![by] - all[b]![by]));
  }, [known, names, watched, only, search, sort, tick]);

  const select = (symbol: string | undefined) => { choose(symbol); history.replaceState(null, '', symbol ? `#${symbol}` : location.pathname); };
  const sortBy = (by: Column) => setSort(was => ({ by, down: was.by === by ? !was.down : by !== 'symbol' }));
  const first = useRef<string>(undefined);
  first.current ??= order[0];
  const focus = chosen ?? first.current;

  return (
    <>
      <section class="market" aria-labelledby="title">
        <header>
          <div><h1 id="title">Quotes</h1><p class="soft"><span class="num">{known ? Object.keys(ticker.quotes).length : '–'}</span> symbols · 2,000 updates/s</p></div>
          <label class="search"><span class="hidden">Search</span><Search /><input class="field" id="search" type="search" placeholder="Symbol or name" value={search} onInput={event => setSearch(event.currentTarget.value)} /></label>
          <div class="group" role="group" aria-label="Which symbols">
            <button class="quiet" type="button" aria-pressed={!only} onClick={() => setOnly(false)}>All</button>
            <button class="quiet" type="button" id="watched" aria-pressed={only} onClick={() => setOnly(true)}>Watched <span class="num">{watched.size}</span></button>
          </div>
        </header>
        {isStale && known && <p class="notice" role="status" id="stale">No connection: these are the last prices.</p>}
        <Table {...{ ticker, names: names ?? {}, order, sort, sortBy, watched, watch, charts, chosen: focus, choose: select, isStale, only }} />
      </section>
      {focus && ticker.quotes[focus] && <Book symbol={focus} name={names?.[focus] ?? ''} ticker={ticker} closes={charts.closes(focus)} isStale={isStale} isOpen={chosen !== undefined} onClose={() => select(undefined)} isWatched={watched.has(focus)} watch={on => watch(focus, on)} />}
    </>
  );
}

interface TableProps {
  ticker: Ticker; names: Record<string, string>; order: string[];
  sort: { by: Column; down: boolean }; sortBy: (by: Column) => void;
  watched: ReadonlySet<string>; watch: (symbol: string, on: boolean) => void;
  charts: Charts; chosen: string | undefined; choose: (symbol: string) => void; isStale: boolean; only: boolean;
}

function Table({ ticker, names, order, sort, sortBy, watched, watch, charts, chosen, choose, isStale, only }: TableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 900 });
  useEffect(() => {
    const element = scroller.current!;
    const look = () => setView(was => {
      const top = Math.floor(element.scrollTop / ROW / 4) * 4 * ROW;
      return was.top === top && was.height === element.clientHeight ? was : { top, height: element.clientHeight };
    });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => { observer.disconnect(); element.removeEventListener('scroll', look); };
  }, []);
  const first = Math.max(0, Math.floor(view.top / ROW) - 4);
  const rows = order.slice(first, first + Math.ceil(view.height / ROW) + 12);

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (!step || order.length === 0 || event.target !== scroller.current) return;
    event.preventDefault();
    const at = Math.min(Math.max(order.indexOf(chosen ?? '') + step, 0), order.length - 1);
    choose(order[at]!);
    const [top, bottom] = [at * ROW, (at + 2) * ROW];
    const box = scroller.current!;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
  };

  return (
    <div class={`scroller ${isStale ? 'is-stale' : ''}`} ref={scroller} tabIndex={0} role="region" aria-label="Quotes: arrow keys choose a row" onKeyDown={onKeyDown}>
      <div class="table" role="table" aria-label="Quotes" aria-rowcount={order.length + 1} style={{ '--rows': String(order.length) }}>
        <div class="row head" role="row">
          <span role="columnheader"><span class="hidden">Watched</span></span>
          {COLUMNS.map(({ id, name }) => (
            <span key={id} role="columnheader" class={id} aria-sort={sort.by === id ? (sort.down ? 'descending' : 'ascending') : 'none'}>
              <button type="button" id={`sort-${id}`} onClick={() => sortBy(id)}>{name}<i aria-hidden="true">{sort.by === id ? (sort.down ? '↓' : '↑') : ''}</i></button>
            </span>
          ))}
          <span role="columnheader" class="chart">2 min</span>
        </div>
        {rows.map((symbol, n) => (
          <Row key={symbol} symbol={symbol} name={names[symbol] ?? ''} at={first + n} ticker={ticker} chart={charts.path(symbol)} isWatched={watched.has(symbol)} isChosen={symbol === chosen} watch={watch} choose={choose} />
        ))}
        {order.length === 0 && <p class="none soft">{only ? 'Nothing watched yet: the stars are for that.' : 'Nothing is called so.'}</p>}
      </div>
    </div>
  );
}

interface RowProps { symbol: string; name: string; at: number; ticker: Ticker; chart: string; isWatched: boolean; isChosen: boolean; watch: (symbol: string, on: boolean) => void; choose: (symbol: string) => void }

/** What rests of a row; the ticker writes what moves. */
const Row = memo(({ symbol, name, at, ticker, chart, isWatched, isChosen, watch, choose }: RowProps) => {
  const row = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => ticker.show(symbol, row.current!), [ticker, symbol]);
  return (
    <div ref={row} class={`row ${isChosen ? 'chosen' : ''}`} role="row" aria-rowindex={at + 2} style={{ '--at': String(at) }} onClick={() => choose(symbol)} data-symbol={symbol}>
      <span role="cell"><button class="star" type="button" aria-pressed={isWatched} aria-label={`Watch ${symbol}`} onClick={event => { event.stopPropagation(); watch(symbol, !isWatched); }}><Star on={isWatched} /></button></span>
      <span role="rowheader" class="symbol"><b>{symbol}</b><small>{name}</small></span>
      <span role="cell" class="price num" data-cell="price" />
      <span role="cell" class="change num trend" data-cell="change" />
      <span role="cell" class="volume num" data-cell="volume" />
      <span role="cell" class="chart trend"><svg viewBox="0 0 96 28" preserveAspectRatio="none" aria-hidden="true"><path d={chart} /></svg></span>
    </div>
  );
}, (was, is) => was.at === is.at && was.chart === is.chart && was.isWatched === is.isWatched && was.isChosen === is.isChosen && was.name === is.name);

/** All quotes for the ticker; and whether they are current, which is all that components need to know of them. */
function useTicker(): [Ticker, FeedState] {
  const kw = useClient();
  const [ticker] = useState(() => new Ticker());
  const [state, setState] = useState<FeedState>('loading');
  useEffect(() => {
    const feed = quotes(kw);
    const stop = ticker.follow(feed);
    feed.onChange(() => setState(feed.state));
    return () => { stop(); feed.close(); };
  }, [kw, ticker]);
  return [ticker, state];
}

interface Charts {
  /** A symbol's prices of the last two minutes. */
  closes(symbol: string): number[];
  /** The same as a path. */
  path(symbol: string): string;
}

/** The last two minutes of those symbols that are asked for. The stream's entries hold all prices, in the order of the symbols. */
function useCharts(): Charts {
  const entries = useCloses();
  const names = useNames();
  return useMemo(() => {
    const places = new Map(Object.keys(names ?? {}).sort().map((symbol, at) => [symbol, at]));
    const columns = entries.map(pricesOf);
    const paths = new Map<string, string>();
    const closes = (symbol: string) => columns.map(column => Number(column[places.get(symbol) ?? -1])).filter(Number.isFinite);
    const path = (symbol: string) => {
      let known = paths.get(symbol);
      if (known === undefined) paths.set(symbol, known = pathOf(closes(symbol), 96, 28));
      return known;
    };
    return { closes, path };
  }, [entries, names]);
}

/** An entry's prices, taken apart once. */
const taken = new WeakMap<Entry, string[]>();
function pricesOf(entry: Entry): string[] {
  let prices = taken.get(entry);
  if (!prices) taken.set(entry, prices = ((entry[1] as { prices?: string }).prices ?? '').split(','));
  return prices;
}

export function pathOf(prices: readonly number[], width: number, height: number): string {
  if (prices.length < 2) return '';
  const [least, most] = [Math.min(...prices), Math.max(...prices)];
  const y = (price: number) => (2 + (height - 4) * (1 - (price - least) / (most - least || 1))).toFixed(1);
  return `M${prices.map((price, n) => `${(n * width / (prices.length - 1)).toFixed(1)},${y(price)}`).join('L')}`;
}

function useClock(ms: number): number {
  const [tick, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTick(n => n + 1), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return tick;
}

start('quotes', code, Quotes);
