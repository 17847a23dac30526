/**
 * What moves often, written straight into its cells: 2,000 prices a second are too many to go through components. Only rows
 * that are on the screen are written, and the writing is spread: a third of them in each of the three frames that lie between
 * two patches, so that no frame has much to do.
 */
import type { LiveFeed } from 'keywire';
import { count, signed } from '../design/format.ts';
import type { Quote } from './live.ts';

type Quotes = Readonly<Record<string, Quote>>;

/** One row, or the book's head: its cells, as far as it has them, and what they show. */
interface Shown {
  readonly root: HTMLElement;
  readonly symbol: string;
  readonly price: Text | undefined;
  readonly change: Text | undefined;
  readonly volume: Text | undefined;
  quote: Quote | undefined;
  /** Until when its price is tinted, since it moved; 0: it is not. */
  until: number;
}

/** In how many frames everything on the screen is written once. */
const FRAMES = 3;
/** How long a price that moved is tinted, in milliseconds. */
const FLASH_MS = 350;

export class Ticker {
  quotes: Quotes = {};
  readonly #shown: Shown[] = [];
  /** Which is written next, and how many are left. */
  #next = 0;
  #left = 0;
  #frame = 0;

  /** Writes the feed's quotes from now on. Returns what ends that. */
  follow(feed: LiveFeed<Quotes>): () => void {
    const stop = feed.onChange(value => {
      if (!value || value === this.quotes) return;
      this.quotes = value;
      this.#left = this.#shown.length;
      this.#frame ||= requestAnimationFrame(this.#write);
    });
    return () => { stop(); cancelAnimationFrame(this.#frame); };
  }

  /** Keeps the cells below `root` (`data-cell`) up to date. Returns what ends that. */
  show(symbol: string, root: HTMLElement): () => void {
    const cell = (name: string): Text | undefined => {
      const element = root.querySelector(`[data-cell=${name}]`);
      if (!element) return undefined;
      element.replaceChildren('');
      return element.firstChild as Text;
    };
    const shown: Shown = { root, symbol, price: cell('price'), change: cell('change'), volume: cell('volume'), quote: undefined, until: 0 };
    this.#shown.push(shown);
    this.#fill(shown, 0);
    return () => {
      this.#shown.splice(this.#shown.indexOf(shown), 1);
      this.#left = Math.min(this.#left, this.#shown.length);
    };
  }

  readonly #write = (now: number): void => {
    const all = this.#shown.length;
    for (let n = Math.ceil(all / FRAMES); n > 0 && this.#left > 0; n -= 1, this.#left -= 1) {
      this.#next = (this.#next + 1) % all;
      this.#fill(this.#shown[this.#next]!, now);
    }
    // Where nothing comes any more, what is still tinted has to fade.
    if (this.#left === 0 && this.#shown.some(({ until }) => until > 0)) this.#left = all;
    this.#frame = this.#left > 0 ? requestAnimationFrame(this.#write) : 0;
  };

  /** An unchanged quote is the same object as before: then there is nothing to write. */
  #fill(shown: Shown, now: number): void {
    const { quote: was, root, price, change, volume } = shown;
    const quote = this.quotes[shown.symbol];
    if (!quote || quote === was) return fade(shown, now);
    shown.quote = quote;
    if (price) write(price, quote.price.toFixed(2));
    if (change) write(change, signed(quote.change));
    if (volume) write(volume, count(quote.volume));
    const trend = quote.change < 0 ? 'down' : 'up';
    if (root.dataset.trend !== trend) root.dataset.trend = trend;
    if (price && was && was.price !== quote.price) {
      shown.until = now + FLASH_MS;
      const flash = quote.price > was.price ? 'rose' : 'fell';
      if (price.parentElement!.dataset.flash !== flash) price.parentElement!.dataset.flash = flash;
    }
  }
}

function fade(shown: Shown, now: number): void {
  if (shown.until === 0 || now < shown.until) return;
  shown.until = 0;
  delete shown.price!.parentElement!.dataset.flash;
}

const write = (cell: Text, text: string): void => { if (cell.data !== text) cell.data = text; };
