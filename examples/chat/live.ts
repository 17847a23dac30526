import { useClient, useLive, useStream } from 'keywire/react';
import { useEffect, useMemo } from 'preact/hooks';
import { useAlive } from '../design/alive.ts';
import { useLast } from '../design/last.ts';
import type { Me } from '../design/me.ts';

/** Every room, with how many lines were ever written in it. */
export const useRooms = () => useLive(['HGETALL', 'demo:chat:counts']).value;

/** Up to which line I have read each room: the same on all my screens. */
export const useRead = (me: Me) => useLive(['HGETALL', `demo:chat:read:${me.id}`]).value;

/** A room's lines, and each that comes. After a lost connection it goes on after the last one: none missing, none twice. */
export function useRoom(room: string) {
  const { entries, gaps, state } = useStream(`demo:chat:room:${room}`, { from: '0', keep: LINES });
  // The stream was cut or made anew meanwhile: what stood before the gap is not there any more.
  const after = gaps.at(-1)?.after;
  const lines = useMemo(() => entries.slice(entries.findIndex(([id]) => id === after) + 1), [entries, after]);
  return { lines, state };
}

/** How many lines a room keeps, and for how many seconds after the last one; how many rooms there may be; how long read marks are kept. */
const [LINES, ROOM_S, READ_S] = [300, 7 * 86_400, 30 * 86_400];
export const ROOMS_MAX = 40;

/** Who is here, and who types: keys that expire. When one does, this changes. */
export function usePeople() {
  const members = [...useLive(['ZRANGE', 'demo:chat:members', 0, 49, 'REV']).value ?? []].sort();
  const keys = [...members.map(id => `demo:chat:here:${id}`), ...members.map(id => `demo:chat:typing:${id}`)];
  const { value } = useLive<(Omit<Person, 'id'> | string | null)[]>(['MGET', ...keys], { json: true, skip: members.length === 0 });
  const people = value && members.map((id, n) => value[n] && { ...value[n] as Person, id, typing: value[members.length + n] as string ?? undefined });
  return useLast(people?.filter(person => !!person)) ?? [];
}

export interface Person extends Me { readonly room: string; /** The room that this person types in. */ readonly typing?: string }

/** Says that I am here, for as long as I am; and that I am not, when the page goes. */
export function useBeHere(me: Me, room: string) {
  const kw = useClient();
  useAlive(() => kw.batch([
    ['SET', `demo:chat:here:${me.id}`, JSON.stringify({ name: me.name, hue: me.hue, room }), 'EX', 12],
    ['ZADD', 'demo:chat:members', Date.now(), me.id],
    ['ZREMRANGEBYRANK', 'demo:chat:members', 0, -51],
  ]), 5_000, [me, room]);
  useEffect(() => {
    const leave = () => kw.state === 'open' && void kw.command(['DEL', `demo:chat:here:${me.id}`]).catch(() => {});
    addEventListener('pagehide', leave);
    return () => removeEventListener('pagehide', leave);
  }, [kw, me]);
}

/** What I can do. */
export function useActions(me: Me) {
  const kw = useClient();
  return {
    /** All or nothing: the line, and the count that unread marks are made of. `key` tells the line when it comes back. */
    say: (room: string, text: string, key: string) => kw.commands([
      ['XADD', `demo:chat:room:${room}`, 'MAXLEN', '~', LINES, '*', 'user', me.id, 'name', me.name, 'hue', me.hue, 'text', text, 'key', key],
      ['HINCRBY', 'demo:chat:counts', room, 1],
      ['EXPIRE', `demo:chat:room:${room}`, ROOM_S],
    ]),
    read: (room: string, count: string) => kw.commands([['HSET', `demo:chat:read:${me.id}`, room, count], ['EXPIRE', `demo:chat:read:${me.id}`, READ_S]]),
    typing: (room: string) => kw.command(['SET', `demo:chat:typing:${me.id}`, room, 'PX', 3_000]),
    stopTyping: () => kw.command(['DEL', `demo:chat:typing:${me.id}`]),
    openRoom: (room: string) => kw.command(['HSETNX', 'demo:chat:counts', room, 0]),
  };
}
