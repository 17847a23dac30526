// A whole keywire client in one small file: commands, live queries with RFC 6902 patches, channels, streams, and
// reconnects that resume where they stopped. Nothing to install: import { connect } from './keywire.js'.
//
//   const kw = connect();
//   kw.live(['HGETALL', 'user:1'], user => show(user));
//   kw.follow('events', entries => append(entries), { from: '0' });
//   kw.subscribe('news', message => console.log(message));
//   await kw.command('INCR', 'visits');
//
// What a client needs to resume lives here, not in the server: the value's tag (`have`), the last entry's id (`from`).

/** Connects and stays connected. `onstate` hears 'live', 'stale', 'reconnecting' or 'closed'. */
export function connect({ url = new URL('ws', document.baseURI), onstate = () => {} } = {}) {
  const feeds = new Map();        // what the page wants, by its request's text: each is asked for once
  const waiting = new Map();      // requests without a reply: id -> what to do with it
  const queue = [];               // commands given while there is no connection
  let socket, hello, state, failures = 0, nextId = 0, heard = 0;

  function open() {
    socket = new WebSocket(String(url).replace(/^http/, 'ws'), 'keywire.v1.json');
    socket.onmessage = event => { heard = Date.now(); receive(JSON.parse(event.data)); };
    socket.onclose = event => lost(event.code);
  }

  function lost(code) {
    clearInterval(socket.watchdog);
    const ready = socket.ready;
    socket.ready = false;
    for (const feed of feeds.values()) feed.number = undefined;
    for (const done of waiting.values()) done({ lost: true, error: { code: 'UNAVAILABLE', message: 'the connection was lost' } });
    waiting.clear();
    if (code >= 4000 && code < 4100) return tell('closed');           // 40xx: do not come back
    tell('reconnecting');
    if (ready) failures = 0;
    const [least, most] = hello?.reconnect_ms ?? [200, 1000];
    const spread = (least + Math.random() * (most - least)) * 2 ** Math.min(failures++, 6);
    setTimeout(open, code >= 4200 && code < 4300 ? 0 : spread);       // 42xx: at once; others: after a random delay
  }

  function receive(frame) {
    if (frame.hello) return welcome(frame.hello);
    const done = waiting.get(frame.id);
    waiting.delete(frame.id);
    if (done) done(frame); else if ('feed' in frame) numbered(frame.feed).forEach(feed => deliver(feed, frame));
  }

  // Two wishes that the server sees as one feed (`every` is rounded) share its number.
  const numbered = number => [...feeds.values()].filter(feed => feed.number === number);

  function welcome(greeting) {
    hello = greeting;
    socket.ready = true;
    // Browsers answer pings but do not show them: ask, and leave a server that is silent for two intervals.
    const leave = socket;
    socket.watchdog = setInterval(() => {
      if (Date.now() - heard < 2 * hello.ping_interval_ms) return request({ ping: 0 });
      leave.onclose = null;
      leave.close();
      lost(1006);
    }, hello.ping_interval_ms);
    for (const feed of feeds.values()) ask(feed);
    for (const [message, done] of queue.splice(0)) request(message, done);
    tell();
  }

  function request(message, done = () => {}) {
    if (!socket?.ready) return queue.push([message, done]);
    waiting.set(++nextId, done);
    socket.send(JSON.stringify({ id: nextId, ...message }));
  }

  /** Opens a feed, or opens it again after a reconnect from the place it had reached. */
  function ask(feed) {
    if (!socket?.ready) return;
    const { request: verb, tag: have, last: from } = feed;
    request({ ...verb, ...(have && { have }), ...(from && { from }) }, reply => {
      if (reply.lost) return;                                         // asked again after the next hello
      if (reply.error?.code === 'UNAVAILABLE') return setTimeout(ask, hello.reconnect_ms[1], feed);
      if (reply.error && !('feed' in reply)) return ended(feed, reply.error);
      if (feeds.get(feed.key) !== feed) return abandon(reply.feed);   // nobody wants it any more
      feed.number = reply.feed;
      feed.stale = false;
      if ('follow' in verb) feed.last = reply.from;
      deliver(feed, reply);
      tell();
    });
  }

  function ended(feed, error) {
    if (error.code === 'RESET') {                                     // the stream was deleted: from its new beginning
      Object.assign(feed, { last: '0', number: undefined });
      for (const each of feed.listeners) each.notice({ reset: true });
      return ask(feed);
    }
    feeds.delete(feed.key);
    for (const each of feed.listeners) each.notice({ closed: error });
    tell();
  }

  function deliver(feed, frame) {
    const say = what => feed.listeners.forEach(each => each.notice(what));
    const show = (...what) => feed.listeners.forEach(each => each.show(...what));
    if ('patch' in frame && frame.rev !== feed.rev + 1) return again(feed);  // never with a correct server
    if ('rev' in frame) ({ rev: feed.rev, tag: feed.tag = feed.tag } = frame);
    if ('value' in frame) show(feed.value = frame.value, frame);
    if ('patch' in frame) show(feed.value = patched(feed.value, frame.patch), frame);
    if ('message' in frame) show(frame.message, frame.channel);
    if (frame.entries) { feed.last = frame.entries.at(-1)[0]; show(frame.entries); }
    if (frame.error) { feed.tag = undefined; say({ error: frame.error }); }
    if (frame.gap || 'missed' in frame) say(frame);
    if (frame.closed) ended(feed, frame.closed);
    if ('stale' in frame) { feed.stale = frame.stale; tell(); }
  }

  function again(feed) {
    const number = feed.number;
    feed.tag = feed.number = undefined;
    abandon(number);
    ask(feed);
  }

  function abandon(number) {
    if (number !== undefined && numbered(number).length === 0) request({ close: number });
  }

  function tell(now = socket?.ready ? ([...feeds.values()].some(feed => feed.stale) ? 'stale' : 'live') : state) {
    if (now !== state) onstate(state = now, hello);
  }

  function want(verb, show, { notice = () => {}, from, ...options } = {}) {
    const message = { ...verb, ...options }, key = JSON.stringify([message, from]), listener = { show, notice };
    const known = feeds.get(key), feed = known ?? { key, request: message, last: from, listeners: new Set() };
    feed.listeners.add(listener);
    if (!known) { feeds.set(key, feed); ask(feed); } else if ('value' in feed) show(feed.value, {});
    return () => {                                                    // call it to stop
      feed.listeners.delete(listener);
      if (feed.listeners.size > 0 || feeds.get(key) !== feed) return;
      feeds.delete(key);
      abandon(feed.number);
      tell();
    };
  }

  open();
  return {
    live: (command, show, options) => want({ live: command }, show, options),
    follow: (stream, show, options) => want({ follow: stream }, show, options),
    subscribe: (channel, show, options) => want({ subscribe: channel }, show, options),
    psubscribe: (pattern, show, options) => want({ psubscribe: pattern }, show, options),
    command: (...words) => new Promise((resolve, reject) => request({ command: words }, reply =>
      reply.error ? reject(Object.assign(new Error(reply.error.message), reply.error)) : resolve(reply.result))),
  };
}

/** The document after an RFC 6902 patch; the old one is left as it is, its untouched parts are shared. */
export function patched(value, patch) {
  const words = pointer => pointer.split('/').slice(1).map(word => word.replaceAll('~1', '/').replaceAll('~0', '~'));
  const at = (node, path) => path.reduce((inner, word) => inner[word], node);
  const edit = (node, [word, ...rest], change) => {
    const copy = Array.isArray(node) ? [...node] : { ...node };
    if (rest.length > 0) copy[word] = edit(node[word], rest, change); else change(copy, word);
    return copy;
  };
  const put = (node, path, item) => path.length === 0 ? item : edit(node, path, (parent, word) =>
    Array.isArray(parent) ? parent.splice(word === '-' ? parent.length : Number(word), 0, item) : parent[word] = item);
  const cut = (node, path) => edit(node, path, (parent, word) =>
    Array.isArray(parent) ? parent.splice(Number(word), 1) : delete parent[word]);
  const set = (node, path, item) => path.length === 0 ? item : edit(node, path, (parent, word) => parent[word] = item);
  const operations = {
    add: (node, { path, value: item }) => put(node, words(path), item),
    remove: (node, { path }) => cut(node, words(path)),
    replace: (node, { path, value: item }) => set(node, words(path), item),
    copy: (node, { from, path }) => put(node, words(path), at(node, words(from))),
    move: (node, { from, path }) => put(cut(node, words(from)), words(path), at(node, words(from))),
    test: node => node,
  };
  return patch.reduce((node, operation) => operations[operation.op](node, operation), value);
}
