/** The arena's screen. What it knows of Redis is in live.ts, how ships fly in arena.ts. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useClient, useConnection } from 'keywire/react';
import { useMe } from '../design/me.ts';
import { start } from '../design/shell.tsx';
import { useDark } from '../design/theme.ts';
import { Arena } from './arena.ts';
import code from './live.ts?raw';
import { msLeft, useBeHere, usePlayers, useRound, useScores, useWinners } from './live.ts';
import './style.css';

function Game() {
  const kw = useClient();
  const [me, rename] = useMe();
  const { players, here } = usePlayers();
  const scores = useScores();
  const winners = useWinners();
  const { state: connection } = useConnection();
  const dark = useDark();
  const canvas = useRef<HTMLCanvasElement>(null);
  const arena = useRef<Arena>(undefined);
  useBeHere(me);

  useEffect(() => {
    const made = arena.current = new Arena(kw, me, canvas.current!);
    return () => made.close();
  }, [kw, me.id]);
  useEffect(() => { arena.current?.know(players, new Set(here)); });
  useEffect(() => { arena.current?.paint(); }, [dark]);

  const people = here.filter(id => !players[id]?.bot).length;
  const mine = scores.find(([id]) => id === me.id)?.[1];
  return (
    <>
      <section class="stage" aria-labelledby="title">
        <h1 class="hidden" id="title">Arena</h1>
        <canvas ref={canvas} id="arena" tabIndex={0} role="application" aria-label="The arena. Arrow keys or W, A, S, D fly the ship; or point and hold. Fly over gems to take them." />
        <p class="hint soft"><span class="keys"><kbd>←</kbd><kbd>↑</kbd><kbd>→</kbd> to fly, or </span>point and hold. Gems are points, golden ones five.</p>
        {connection !== 'open' && connection !== 'idle' && <p class="notice" role="status" id="away">No connection. Your place is kept.</p>}
      </section>
      <aside class="board" aria-label="Scores">
        <Clock />
        <section aria-labelledby="scores-title">
          <h2 class="label" id="scores-title">This round</h2>
          <ol id="scores">
            {scores.map(([id, score], n) => (
              <li key={id} class={id === me.id ? 'me' : ''} data-player={id}>
                <span class="rank num">{n + 1}</span>
                <i class="dot" style={{ '--hue': String(players[id]?.hue ?? 0) }} aria-hidden="true" />
                <b>{players[id]?.name ?? '…'}</b>{players[id]?.bot && <small>bot</small>}{!here.includes(id) && <small>away</small>}
                <span class="score num">{score}</span>
              </li>
            ))}
          </ol>
          <p class="hidden" role="status">{mine === undefined ? '' : `You have ${mine} points`}</p>
        </section>
        <section class="winners">
          <h2 class="label">Last winners</h2>
          {winners.length === 0 ? <p class="soft">The first round is on.</p> : <ul>{winners.map((winner, n) => <li key={n}><i class="dot" style={{ '--hue': String(winner.hue) }} aria-hidden="true" /><b>{winner.name}</b><span class="score num">{winner.score}</span></li>)}</ul>}
        </section>
        <section class="you">
          <label class="label" for="name">Your name</label>
          <input class="field" id="name" value={me.name} maxLength={24} autocomplete="off" onChange={event => { rename(event.currentTarget.value); event.currentTarget.value ||= me.name; }} />
          <p class="soft"><span class="num" id="people">{people}</span> {people === 1 ? 'person plays' : 'people play'}, and {here.length - people} bots.</p>
        </section>
      </aside>
    </>
  );
}

/** Counts the round down: asked once for each round, the rest is this page's own clock. */
function Clock() {
  const kw = useClient();
  const round = useRound();
  const [end, setEnd] = useState(0);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    let isOver = false;
    if (round) msLeft(kw).then(ms => { if (!isOver) setEnd(Date.now() + Number(ms)); }).catch(() => {});
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => { isOver = true; clearInterval(timer); };
  }, [kw, round]);
  const left = Math.max(0, Math.ceil((end - now) / 1000));
  return (
    <p class={`clock num ${left <= 10 && round ? 'last' : ''}`} role="timer" aria-label={`Round ${round ?? ''}`}>
      <span class="soft">Round {round ?? '–'}</span><b>{Math.floor(left / 60)}:{String(left % 60).padStart(2, '0')}</b>
    </p>
  );
}

start('game', code, Game);
