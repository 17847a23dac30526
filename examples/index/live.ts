import { useClient, useLive } from 'keywire/react';
import { useCallback } from 'preact/hooks';

/** A number that everybody sees and everybody can raise. */
export function useCounter(): [string | null | undefined, () => Promise<number>] {
  const kw = useClient();
  return [useLive(['GET', 'demo:counter']).value, () => kw.command(['INCR', 'demo:counter'])];
}

/** Any command: once, or for as long as somebody looks. */
export function useCommand() {
  const kw = useClient();
  const run = useCallback((words: string[]) => kw.command(words as [string]), [kw]);
  const watch = useCallback((words: string[]) => kw.live(words as [string], { every: 250 }), [kw]);
  return { run, watch };
}

/** The gateway's own figures, as the collector writes them once a second. */
export function useServer() {
  const host = useLive(['ZRANGE', 'demo:monitoring:hosts', 0, -1]).value?.toSorted()[0];
  return useLive(['HGETALL', `demo:monitoring:${host}`], { skip: !host }).value;
}

/** One live line of each application. */
export const useRooms = () => useLive(['HGETALL', 'demo:chat:counts']).value;
export const useMovers = () => useLive<Record<string, { price: number; change: number }>>(['HGETALL', 'demo:quotes'], { json: true, every: 2000 }).value;
export const useLeader = () => useLive(['ZRANGE', 'demo:arena:scores', 0, 2, 'REV', 'WITHSCORES']).value;
export const usePlayers = () => useLive<Record<string, { name: string; hue: number }>>(['HGETALL', 'demo:arena:players'], { json: true }).value;
