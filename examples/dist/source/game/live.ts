import type { Client } from 'keywire';
import { useLive } from 'keywire/react';
import { useAlive } from '../design/alive.ts';
import { useLast } from '../design/last.ts';
import type { Me } from '../design/me.ts';

export interface Player { readonly name: string; readonly hue: number; readonly bot?: boolean }

/** Where everybody is: a hash of `x,y,heading`, twenty times a second, straight to who draws. */
export const positions = (kw: Client) => kw.live(['HGETALL', 'demo:arena:positions'], { every: 50 });

/** What lies around: a hash of `x,y,worth`. */
export const gems = (kw: Client) => kw.live(['HGETALL', 'demo:arena:gems']);

/** Writes where I am. */
export const fly = (kw: Client, me: Me, x: number, y: number, heading: number) =>
  kw.command(['HSET', 'demo:arena:positions', me.id, `${x.toFixed(0)},${y.toFixed(0)},${heading.toFixed(2)}`]);

/** Claims a gem: of all who do, the first has it. The referee takes it away and gives the points, both or neither. */
export const claim = (kw: Client, me: Me, gem: string) => kw.command(['HSETNX', 'demo:arena:claims', gem, me.id]);

/** Where I was when I was last here, on whatever screen: the place is kept in Redis, not in the page. */
export const place = (kw: Client, me: Me) => kw.command(['HGET', 'demo:arena:positions', me.id]);

/** Who plays, and whose ship is on the screen: of the others the keys have expired. */
export function usePlayers() {
  const players = useLive<Record<string, Player>>(['HGETALL', 'demo:arena:players'], { json: true }).value ?? {};
  const ids = Object.keys(players).sort();
  const { value } = useLive<(string | null)[]>(['MGET', ...ids.map(id => `demo:arena:here:${id}`)], { skip: ids.length === 0 });
  return { players, here: useLast(value && ids.filter((_, n) => value[n])) ?? [] };
}

/** The best ten of the round, its number, and who won the last ones. */
export const useScores = () => useLive(['ZRANGE', 'demo:arena:scores', 0, 9, 'REV', 'WITHSCORES']).value ?? [];
export const useRound = () => useLive(['GET', 'demo:arena:round']).value;
export const useWinners = () => useLive<(Player & { score: number })[]>(['LRANGE', 'demo:arena:winners', 0, -1], { json: true }).value ?? [];

/** When the round ends: it is a key that expires. */
export const msLeft = (kw: Client) => kw.command(['PTTL', 'demo:arena:round']);

/** Says who I am and that I am here. Whoever is silent for six seconds is gone, but keeps the place for ten minutes. */
export const useBeHere = (me: Me) => useAlive(kw => kw.batch([
  ['SET', `demo:arena:here:${me.id}`, 1, 'EX', 6],
  ['HSET', 'demo:arena:players', me.id, JSON.stringify({ name: me.name, hue: me.hue })],
  ['ZADD', 'demo:arena:scores', 'NX', 0, me.id],
]), 2_000, [me]);
