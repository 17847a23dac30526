/** The index: what there is to see, what the server does now, and a place to try any command. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { LiveFeed } from 'keywire';
import { Code } from '../design/code.tsx';
import { bytes, count, number, rate, signed } from '../design/format.ts';
import { Arrow } from '../design/icons.tsx';
import { APPS, start } from '../design/shell.tsx';
import { split } from './line.ts';
import code from './live.ts?raw';
import { useCommand, useCounter, useLeader, useMovers, usePlayers, useRooms, useServer } from './live.ts';
import './style.css';

const THREE_LINES = `import { connect } from 'keywire';
const kw = connect('/ws');
kw.live(['GET', 'demo:counter']).onChange(show);`;

function Index() {
  return (
    <>
      <section class="hero" aria-labelledby="title">
        <div>
          <h1 id="title">Redis,{' '}<br />live.</h1>
          <p class="lede">Send a Redis command once. Its answer stays up to date on every screen, whoever changes it.</p>
          <p class="ways"><a class="button" href="./" target="_blank" rel="noopener">Open a second window</a><span class="soft">and watch both move.</span></p>
        </div>
        <Counter />
      </section>
      <Server />
      <ul class="apps">
        <App id="chat" text="Rooms with history, who is here and who types, unread marks. It works on after your laptop slept." from="A stream per room, keys that expire."><ChatNow /></App>
        <App id="monitoring" text="This machine, its processes and the gateway itself: charts with history, thresholds that turn red." from="A hash, a stream, a collector."><MonitoringNow /></App>
        <App id="quotes" text="500 symbols, 2,000 updates a second, order books and a watch list, at 60 frames a second." from="One hash of JSON, sorted sets."><QuotesNow /></App>
        <App id="game" text="Everybody in one arena, bots too. Lose the network, come back, and your ship is where it was." from="A hash twenty times a second, HSETNX decides."><GameNow /></App>
      </ul>
      <Try />
      <footer class="soft"><p>One binary serves this page, the WebSocket and the data. The pages' source is in <code>examples/</code>, and here: {APPS.map(({ id, name }) => <a key={id} href={`source/${id}/README.md`}>{name}</a>)} <a href="metrics">Metrics</a> <a href="source/licenses.md">Licences</a></p></footer>
    </>
  );
}

function Counter() {
  const [value, increment] = useCounter();
  const [problem, setProblem] = useState('');
  return (
    <div class="counter card">
      <Code text={THREE_LINES} label="A live value in three lines" />
      <div class="count">
        <output id="count" class="num" aria-live="polite">{value === undefined ? '–' : Number(value ?? 0).toLocaleString('en')}</output>
        <button class="button" id="increment" type="button" onClick={() => increment().then(() => setProblem(''), error => setProblem(String(error.message)))}>Add one</button>
      </div>
      {problem && <p class="down" role="alert">{problem}</p>}
    </div>
  );
}

function Server() {
  const figures = useServer() ?? {};
  const figure = (name: string, format: (value: number) => string) => figures[name] === undefined ? '–' : format(number(figures[name]));
  const facts: [string, string][] = [
    ['Connections', figure('gateway_connections', count)], ['Live feeds', figure('gateway_feeds', count)], ['Commands/s', figure('gateway_commands_per_s', count)],
    ['Frames/s', figure('gateway_frames_per_s', count)], ['Sent', figure('gateway_bytes_per_s', rate)], ['Memory', figure('gateway_memory_bytes', bytes)], ['Of one core', figure('gateway_cpu_percent', value => `${value.toFixed(1)} %`)],
  ];
  return (
    <section class="server" aria-labelledby="server-title">
      <h2 class="hidden" id="server-title">This server now</h2>
      <dl id="server">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd class="num">{value}</dd></div>)}</dl>
    </section>
  );
}

function App({ id, text, from, children }: { id: (typeof APPS)[number]['id']; text: string; from: string; children: ComponentChildren }) {
  const { name, icon: Icon } = APPS.find(app => app.id === id)!;
  return (
    <li class={`card app-card ${id}-card`}>
      <h2><Icon /><a href={`${id}/`}>{name}</a><span class="go" aria-hidden="true"><Arrow /></span></h2>
      <p>{text}</p>
      <p class="now">{children}</p>
      <p class="from soft">{from} <a href={`source/${id}/live.ts`} aria-label={`${name}: its keywire code`}>live.ts</a></p>
    </li>
  );
}

function ChatNow() {
  const rooms = Object.entries(useRooms() ?? {}).sort((a, b) => Number(b[1]) - Number(a[1])).slice(0, 3);
  return <>{rooms.map(([room, lines]) => <span key={room} class="chip num">#{room} <b>{lines}</b></span>)}</>;
}

function MonitoringNow() {
  const figures = useServer();
  const cpu = number(figures?.cpu_percent);
  return <><span class="chip num">CPU <b>{figures ? `${cpu.toFixed(0)} %` : '–'}</b></span><span class="chip num">memory <b>{figures ? bytes(number(figures.memory_used_bytes)) : '–'}</b></span></>;
}

function QuotesNow() {
  const movers = Object.entries(useMovers() ?? {}).sort((a, b) => Math.abs(b[1].change) - Math.abs(a[1].change)).slice(0, 3);
  return <>{movers.map(([symbol, { change }]) => <span key={symbol} class="chip num">{symbol} <b class={change < 0 ? 'down' : 'up'}>{signed(change)}</b></span>)}</>;
}

function GameNow() {
  const [leaders, players] = [useLeader() ?? [], usePlayers()];
  return <>{leaders.map(([id, score]) => <span key={id} class="chip num"><i class="dot" style={{ '--hue': String(players?.[id]?.hue ?? 0) }} />{players?.[id]?.name ?? '…'} <b>{score}</b></span>)}</>;
}

const EXAMPLES = ['ZRANGE demo:arena:scores 0 2 REV WITHSCORES', 'HGET demo:quotes AMAI', 'XREVRANGE demo:chat:room:lobby + - COUNT 3', 'SET demo:greeting "hello, world"', 'GET demo:greeting', 'INCRBY demo:counter 10'];

function Try() {
  const { run, watch } = useCommand();
  const [line, setLine] = useState(EXAMPLES[0]!);
  const [reply, setReply] = useState<{ text: string; failed: boolean; n: number }>({ text: '', failed: false, n: 0 });
  const [watching, setWatching] = useState<string>();
  const show = (value: unknown) => setReply(was => ({ text: JSON.stringify(value, null, 1), failed: false, n: was.n + 1 }));
  const fail = (error: unknown) => setReply(was => ({ text: error instanceof Error ? `${(error as { code?: string }).code ?? ''} ${error.message}`.trim() : String(error), failed: true, n: was.n + 1 }));
  const once = async (text: string) => {
    setWatching(undefined);
    try { show(await run(split(text))); } catch (error) { fail(error); }
  };
  useEffect(() => {
    if (watching === undefined) return;
    let feed: LiveFeed<unknown>;
    try { feed = watch(split(watching)); } catch (error) { fail(error); setWatching(undefined); return; }
    const stop = feed.onChange(() => { if (feed.error) fail(feed.error); else if (feed.state === 'live') show(feed.value); });
    return () => { stop(); feed.close(); };
  }, [watching]);
  return (
    <section class="try" aria-labelledby="try-title">
      <header><h2 id="try-title">Try it</h2><p class="soft">Any Redis command, as in redis-cli. <em>Run</em> it once, or <em>watch</em> its answer change.</p></header>
      <form onSubmit={event => { event.preventDefault(); void once(line); }} autocomplete="off">
        <label class="hidden" for="line">Command line</label>
        <input class="field" id="line" value={line} onInput={event => setLine(event.currentTarget.value)} spellcheck={false} autocapitalize="off" required />
        <button class="button">Run</button>
        <button class="quiet" id="watch" type="button" aria-pressed={watching !== undefined} onClick={() => setWatching(was => was === undefined ? line : undefined)}>{watching === undefined ? 'Watch live' : 'Stop'}</button>
      </form>
      <p class="examples" role="group" aria-label="Examples">{EXAMPLES.map(example => <button key={example} type="button" onClick={() => { setLine(example); void once(example); }}><code>{example}</code></button>)}</p>
      <pre class={`code reply ${reply.failed ? 'down' : ''}`} id="reply" tabIndex={0} role="region" aria-label="Reply">{reply.text || 'The answer comes here.'}</pre>
      <p class="soft small" role="status">{watching === undefined ? '' : `Live: ${watching}`}</p>
    </section>
  );
}

start('index', code, Index);
