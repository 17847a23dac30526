/** When to come back: what a close code advises, and how long a random delay is. */

/** The longest delay, unless the server's own first window is longer. */
const DELAY_MS_MAX = 30_000;

/** What the hundred of a close code says: stay away, come back after a delay, or come back at once. */
export type Advice = 'stop' | 'wait' | 'now';

/** 40xx stop, 42xx at once; 41xx and all of RFC 6455's after a delay. */
export function advice(code: number): Advice {
  const hundred = Math.floor(code / 100);
  return hundred === 40 ? 'stop' : hundred === 42 ? 'now' : 'wait';
}

/** A time from anywhere in the server's window, which doubles with every failure up to half a minute. `random` is 0…1. */
export function delayMs([least, most]: readonly [number, number], failures: number, random: number): number {
  const factor = Math.min(2 ** failures, Math.max(1, DELAY_MS_MAX / most));
  return (least + random * (most - least)) * factor;
}
