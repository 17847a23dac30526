// What a program does with the client, for any runtime that has a global WebSocket: `program.mjs MODULE URL`. It prints what it
// sees, one JSON a line, and ends by itself: what the client leaves behind would keep it alive.
import process from 'node:process';

const [module, url] = process.argv.slice(-2);
const { connect } = await import(module);
const say = (...seen) => console.log(JSON.stringify(seen));

const kw = connect(url, { timeoutMs: 10_000 });
const shown = (feed, wanted) => new Promise(resolve => {
  const stop = feed.onChange(() => { if (wanted(feed)) { stop(); resolve(); } });
});
const counter = kw.live(['GET', 'runtime:counter']);
const doc = kw.live(['GET', 'runtime:doc'], { json: true });
counter.onChange((value, { state }) => say('counter', value, state));

say('set', await kw.command(['SET', 'runtime:counter', 1]));
await kw.commands([['SET', 'runtime:doc', '{"a":{"b":1},"c":{}}'], ['XADD', 'runtime:stream', '1-0', 'n', 1]]);
await shown(doc, ({ value }) => value?.a);
const { c } = doc.value;
await kw.command(['SET', 'runtime:doc', '{"a":{"b":2},"c":{}}']);
await shown(doc, ({ value }) => value.a.b === 2);
say('unchanged parts are the same objects', doc.value.c === c);
for await (const [id, fields] of kw.follow('runtime:stream', { from: '0' })) { say(id, fields); break; }
try { await kw.command(['LPUSH', 'runtime:doc', 'x']); } catch (error) { say(error.name, error.code); }

// The server is killed here, and comes back without its data.
say('ready');
await shown(counter, ({ state }) => state === 'stale');
await shown(counter, ({ state, value }) => state === 'live' && value === null);
say('incr', await kw.command(['INCR', 'runtime:counter']));
await shown(counter, ({ value }) => value === '1');
kw.close();
say('closed', kw.state, counter.state);
