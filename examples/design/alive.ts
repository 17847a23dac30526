/** For keys that expire: says something now, every so often, and at once when the connection is back; not while nobody hears it. */
import type { Client } from 'keywire';
import { useClient } from 'keywire/react';
import { useEffect } from 'preact/hooks';

export function useAlive(say: (kw: Client) => Promise<unknown>, everyMs: number, about: readonly unknown[]): void {
  const kw = useClient();
  useEffect(() => {
    // What could not be said is said again soon.
    const now = () => kw.state === 'open' && void say(kw).catch(() => {});
    const timer = setInterval(now, everyMs);
    const stop = kw.onChange(now);
    now();
    return () => { clearInterval(timer); stop(); };
  }, [kw, ...about]);
}
