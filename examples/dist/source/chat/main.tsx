/** The chat's screen. What it knows of Redis is in live.ts. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Entry } from 'keywire';
import { useConnection } from 'keywire/react';
import { clock } from '../design/format.ts';
import { Plus, Send } from '../design/icons.tsx';
import { initials, useMe, type Me } from '../design/me.ts';
import { start } from '../design/shell.tsx';
import code from './live.ts?raw';
import { ROOMS_MAX, useActions, useBeHere, usePeople, useRead, useRoom, useRooms, type Person } from './live.ts';
import './style.css';

type Line = Record<'user' | 'name' | 'hue' | 'text' | 'key', string>;
/** A line of mine that has not come back yet. */
interface Pending { readonly key: string; readonly room: string; readonly text: string; failed?: boolean }

function Chat() {
  const [me, rename] = useMe();
  const [room, setRoom] = useState(() => location.hash.slice(1) || 'lobby');
  const rooms = useRooms();
  const read = useRead(me);
  const people = usePeople();
  const actions = useActions(me);
  useBeHere(me, room);
  useEffect(() => {
    const follow = () => setRoom(location.hash.slice(1) || 'lobby');
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);

  // What is on the screen is read, while the screen is looked at.
  const count = rooms?.[room];
  const visible = useVisible();
  useEffect(() => {
    if (count && read && visible && count !== read[room]) actions.read(room, count).catch(() => {});
  }, [count, read?.[room], visible, room]);

  const unread = (name: string) => name === room ? 0 : since(rooms?.[name], read?.[name]);
  const total = rooms ? Object.keys(rooms).reduce((sum, name) => sum + unread(name), 0) : 0;
  useEffect(() => { document.title = `${total ? `(${total}) ` : ''}#${room} · Chat · keywire`; }, [total, room]);

  return (
    <>
      <h1 class="hidden">Chat</h1>
      <Rooms rooms={Object.keys(rooms ?? { [room]: '' }).sort()} room={room} unread={unread} people={people} onOpen={name => { actions.openRoom(name).catch(() => {}); location.hash = name; }} />
      <Room key={room} room={room} me={me} people={people} firstUnread={rooms && read ? since(rooms[room], read[room]) : undefined} />
      <People people={people} me={me} rename={rename} />
    </>
  );
}

function Rooms({ rooms, room, unread, people, onOpen }: { rooms: string[]; room: string; unread: (room: string) => number; people: Person[]; onOpen: (room: string) => void }) {
  const create = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const name = (new FormData(form).get('room') as string).trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '').slice(0, 20);
    if (name) onOpen(name);
    form.reset();
  };
  const isFull = rooms.length >= ROOMS_MAX;
  return (
    <nav class="rooms" aria-label="Rooms">
      <h2 class="label">Rooms</h2>
      <ul>
        {rooms.map(name => {
          const fresh = unread(name);
          const here = people.filter(person => person.room === name).length;
          return (
            <li key={name}>
              <a href={`#${name}`} aria-current={name === room ? 'true' : undefined} class={fresh ? 'fresh' : ''}>
                <span class="hash" aria-hidden="true">#</span><span class="name">{name}</span>
                {fresh > 0 ? <span class="badge num" aria-label={`${fresh} unread`}>{fresh > 99 ? '99+' : fresh}</span>
                  : here > 0 && <span class="count num" aria-label={`${here} here`}>{here}</span>}
              </a>
            </li>
          );
        })}
      </ul>
      {isFull ? <p class="soft full" id="full">All {ROOMS_MAX} rooms are taken. One in which nobody writes for a week is let go.</p> : (
        <form onSubmit={create} autocomplete="off">
          <label class="hidden" for="new-room">New room</label>
          <input class="field" id="new-room" name="room" placeholder="New room" maxLength={20} />
          <button class="icon-button" aria-label="Open the room"><Plus /></button>
        </form>
      )}
    </nav>
  );
}

function Room({ room, me, people, firstUnread }: { room: string; me: Me; people: Person[]; firstUnread: number | undefined }) {
  const { lines: entries, state } = useRoom(room);
  const actions = useActions(me);
  const { state: connection } = useConnection();
  const [pending, setPending] = useState<Pending[]>([]);
  // What was unread on entering: it is read as soon as it is shown.
  const unread = useRef<number | undefined>(undefined);
  unread.current ??= firstUnread;
  const arrived = useMemo(() => new Set(entries.map(([, line]) => line.key)), [entries]);
  const waiting = pending.filter(line => !arrived.has(line.key));
  // For good: a stream that is deleted later does not make it a line that was never sent.
  useEffect(() => { if (waiting.length < pending.length) setPending(waiting); }, [arrived]);

  const send = (text: string, key = Math.random().toString(36).slice(2)) => {
    setPending(lines => [...lines.filter(line => line.key !== key && !arrived.has(line.key)), { key, room, text }]);
    actions.stopTyping().catch(() => {});
    actions.say(room, text, key).catch(() => setPending(lines => lines.map(line => line.key === key ? { ...line, failed: true } : line)));
  };
  const typing = people.filter(person => person.id !== me.id && person.typing === room);
  const inRoom = people.filter(person => person.room === room);

  return (
    <section class="room" aria-labelledby="room-title">
      <header>
        <h2 id="room-title"><span class="hash" aria-hidden="true">#</span>{room}</h2>
        <ul class="faces" aria-label="In this room">{inRoom.slice(0, 5).map(person => <li key={person.id}><Avatar of={person} /></li>)}</ul>
        <span class="soft num">{inRoom.length} here</span>
      </header>
      <Log entries={entries} waiting={waiting} me={me} firstUnread={unread.current} isLoading={state === 'loading'} onRetry={line => send(line.text, line.key)} />
      <div class="under">
        <p class="typing" role="status" aria-live="polite">{typing.length > 0 && <><span class="dots" aria-hidden="true"><i /><i /><i /></span>{names(typing)} {typing.length > 1 ? 'are' : 'is'} typing</>}</p>
        {connection !== 'open' && entries.length > 0 && <p class="notice" role="status">Offline. What you write now is sent when the connection is back.</p>}
        <Compose room={room} onSend={send} onTyping={() => actions.typing(room).catch(() => {})} />
      </div>
    </section>
  );
}

function Log({ entries, waiting, me, firstUnread, isLoading, onRetry }: { entries: readonly Entry[]; waiting: Pending[]; me: Me; firstUnread: number | undefined; isLoading: boolean; onRetry: (line: Pending) => void }) {
  const log = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  // Where the unread lines began when the room was entered: the mark stays there while one reads.
  const mark = useRef<string | undefined | null>(undefined);
  if (mark.current === undefined && firstUnread !== undefined && entries.length > 0) {
    const seen = entries.length - firstUnread;
    mark.current = firstUnread > 0 && seen > 0 ? entries[seen]?.[0] ?? null : null;
  }
  useLayoutEffect(() => {
    const list = log.current!;
    if (atEnd.current) list.scrollTop = list.scrollHeight;
  });
  useEffect(() => {
    const keep = () => { if (atEnd.current && log.current) log.current.scrollTop = log.current.scrollHeight; };
    const observer = new ResizeObserver(keep);
    observer.observe(log.current!);
    observer.observe(log.current!.firstElementChild!);
    return () => observer.disconnect();
  }, []);
  const onScroll = () => { const list = log.current!; atEnd.current = list.scrollHeight - list.scrollTop - list.clientHeight < 60; };
  return (
    <div class="log" ref={log} onScroll={onScroll} role="log" aria-label="Messages" tabIndex={0} aria-busy={isLoading}><ol>
      {entries.map(([id, fields], n) => {
        const line = fields as Line;
        const before = entries[n - 1];
        const time = timeOf(id);
        const isNewDay = !before || timeOf(before[0]).toDateString() !== time.toDateString();
        const follows = !isNewDay && id !== mark.current && before[1]!.user === line.user && Number(id.split('-')[0]) - Number(before[0].split('-')[0]) < 300_000;
        return [
          isNewDay && <li key={`day-${id}`} class="divider"><span>{dayOf(time)}</span></li>,
          id === mark.current && <li key="new" class="divider new"><span>New</span></li>,
          <Message key={line.key ?? id} line={line} time={time} mine={line.user === me.id} follows={follows} />,
        ];
      })}
      {waiting.map(line => (
        <Message key={line.key} line={{ user: me.id, name: me.name, hue: String(me.hue), text: line.text, key: line.key }} mine follows={false}
          note={line.failed ? <button class="retry" type="button" onClick={() => onRetry(line)}>Not sent. Try again</button> : 'sending …'} />
      ))}
    </ol></div>
  );
}

function Message({ line, time, mine, follows, note }: { line: Line; time?: Date; mine: boolean; follows: boolean; note?: preact.ComponentChildren }) {
  return (
    <li class={`message ${mine ? 'mine' : ''} ${follows ? 'follows' : ''} ${note ? 'pending' : ''}`}>
      {!mine && (follows ? <span class="gap" /> : <Avatar of={{ name: line.name ?? '?', hue: Number(line.hue) || 30 }} />)}
      <div class="bubble">
        {!follows && <p class="who">{mine ? 'You' : line.name} {time && <time class="num" dateTime={time.toISOString()}>{clock(time)}</time>}</p>}
        <p class="text">{line.text}</p>
        {note && <p class="note">{note}</p>}
      </div>
    </li>
  );
}

function Compose({ room, onSend, onTyping }: { room: string; onSend: (text: string) => void; onTyping: () => void }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const told = useRef(0);
  const fit = () => { const area = field.current!; area.style.height = 'auto'; area.style.height = `${Math.min(area.scrollHeight + 2, 150)}px`; };
  const submit = (event?: Event) => {
    event?.preventDefault();
    const text = field.current!.value.trim();
    if (text) onSend(text);
    field.current!.value = '';
    told.current = 0;
    fit();
    field.current!.focus();
  };
  const onInput = () => {
    fit();
    if (Date.now() - told.current < 1_500 || !field.current!.value) return;
    told.current = Date.now();
    onTyping();
  };
  return (
    <form class="compose" onSubmit={submit}>
      <label class="hidden" for="text">Message to #{room}</label>
      <textarea class="field" id="text" ref={field} rows={1} maxLength={1000} placeholder={`Message #${room}`} onInput={onInput}
        onKeyDown={event => { if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event); }} />
      <button class="button" aria-label="Send"><Send /></button>
    </form>
  );
}

function People({ people, me, rename }: { people: Person[]; me: Me; rename: (name: string) => void }) {
  const others = people.filter(person => person.id !== me.id);
  return (
    <aside class="people" aria-label="People">
      <h2 class="label">Here now</h2>
      <ul id="people">
        <li class="me">
          <Avatar of={me} />
          <div><label class="hidden" for="name">Your name</label>
            <input class="field" id="name" value={me.name} maxLength={24} autocomplete="off" onChange={event => { rename(event.currentTarget.value); event.currentTarget.value ||= me.name; }} />
          </div>
        </li>
        {others.map(person => (
          <li key={person.id}>
            <Avatar of={person} />
            <div><b>{person.name}</b><span class="soft">{person.typing ? 'typing …' : `#${person.room}`}</span></div>
          </li>
        ))}
      </ul>
      {others.length === 0 && <p class="soft alone">Nobody else yet. Open this page in a private window, or on your phone, to be two.</p>}
    </aside>
  );
}

const Avatar = ({ of }: { of: { name: string; hue: number } }) => <span class="avatar" style={{ '--hue': String(of.hue) }} title={of.name} aria-hidden="true">{initials(of.name)}</span>;

function useVisible(): boolean {
  const [visible, setVisible] = useState(!document.hidden);
  useEffect(() => {
    const look = () => setVisible(!document.hidden);
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
  return visible;
}

/** How many lines came since. A room that was gone meanwhile begins to count anew. */
function since(count: string | undefined, read: string | undefined): number {
  const [all, seen] = [Number(count ?? 0), Number(read ?? 0)];
  return seen > all ? all : all - seen;
}

const timeOf = (id: string): Date => new Date(Number(id.split('-')[0]));
const dayOf = (time: Date): string => time.toDateString() === new Date().toDateString() ? 'Today' : time.toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long' });
const names = (people: Person[]): string => people.length > 2 ? `${people.length} people` : people.map(person => person.name).join(' and ');

start('chat', code, Chat);
