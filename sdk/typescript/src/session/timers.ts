/** What is due when, and what happens then: one time for each key. Time is milliseconds since 1970, passed in. */
export class Timers {
  readonly #entries = new Map<unknown, { at: number; run: () => void }>();
  /** Nothing is due before this. It may be earlier than the earliest: clearing does not look for the next one. */
  next = Infinity;

  /** Sets, or moves, what this is due at. */
  set(key: unknown, at: number, run: () => void): void {
    this.#entries.set(key, { at, run });
    this.next = Math.min(this.next, at);
  }

  /** It is not due any more. */
  clear(key: unknown): void {
    this.#entries.delete(key);
    if (this.#entries.size === 0) this.next = Infinity;
  }

  /** Runs what is due by now. */
  run(now: number): void {
    for (const [key, entry] of [...this.#entries]) {
      // One that ran before may have moved or cleared it.
      if (entry.at > now || this.#entries.get(key) !== entry) continue;
      this.#entries.delete(key);
      entry.run();
    }
    this.next = Infinity;
    for (const { at } of this.#entries.values()) this.next = Math.min(this.next, at);
  }
}
