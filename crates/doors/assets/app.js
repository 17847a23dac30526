// The demo page. The first part is what it shows beside each section: the functions below are printed from their own
// source, so the code on the screen is the code that runs. The second part draws.
import { connect } from './keywire.js';

function monitoring(kw, view) {
  // The newest sample is a hash.
  // A field that changes arrives as one small patch.
  kw.live(['HGETALL', 'demo:host'], host => view.now(host));

  // Its history is a stream:
  // first what is there, then each new entry.
  kw.follow('demo:host:history', samples => view.plot(samples),
    { from: '0', notice: ({ reset }) => reset && view.clear() });
}

function quotes(kw, view) {
  // Each field holds JSON. With `json` a patch reaches inside it:
  // when a price moves, the price travels and nothing else.
  kw.live(['HGETALL', 'demo:quotes'],
    table => view.table(table), { json: true });

  // A sorted set keeps the ranking: [[symbol, change], …]
  kw.live(['ZRANGE', 'demo:movers', '0', '9', 'REV', 'WITHSCORES'],
    movers => view.movers(movers));
}

function chat(kw, view) {
  kw.follow('demo:chat', entries => {
    for (const [id, { name, text }] of entries)
      view.say(id, name, text);
  }, { from: '0', notice: ({ reset }) => reset && view.clear() });

  view.onsend((name, text) =>
    kw.command('XADD', 'demo:chat', 'MAXLEN', '~', '500', '*',
      'name', name, 'text', text));
}

function counter(kw, view) {
  kw.live(['GET', 'demo:counter'],
    count => view.show(count ?? 0));

  view.onclick(() => kw.command('INCR', 'demo:counter'));
}

function attempt(kw, view) {
  view.onrun(async words =>
    view.reply(await kw.command(...words)));

  // The same command as a live query.
  // It returns the function that ends it.
  view.onwatch(words =>
    kw.live(words, answer => view.reply(answer), {
      every: 250,
      notice: what => view.problem(what.closed ?? what.error),
    }));
}

// ---------------------------------------------------------------------------------------------------- from here: drawing

const $ = id => document.getElementById(id);
const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** How many samples a chart shows: ten minutes of one a second. */
const SAMPLES_MAX = 600;
/** How many lines of the chat stay on the page. */
const LINES_MAX = 200;

function monitoringView() {
  const samples = [];
  const charts = {
    cpu: { svg: $('tile-cpu').querySelector('svg'), fields: ['cpu_percent'], most: () => 100 },
    memory: { svg: $('tile-memory').querySelector('svg'), fields: ['memory_used_bytes'], most: last => Number(last.memory_total_bytes) || 1 },
    network: { svg: $('tile-network').querySelector('svg'), fields: ['net_rx_bytes_per_s', 'net_tx_bytes_per_s'] },
  };
  const draw = () => {
    for (const chart of Object.values(charts)) drawChart(chart, samples);
    const peak = peakOf(samples, charts.network.fields);
    $('network-note').textContent = `peak ${rate(peak)} in ${duration(samples.length)}`;
  };
  return {
    now(host) {
      $('cpu').textContent = known(host.cpu_percent, percent);
      $('memory').textContent = known(host.memory_used_bytes, bytes);
      $('rx').textContent = known(host.net_rx_bytes_per_s, rate);
      $('tx').textContent = known(host.net_tx_bytes_per_s, rate);
      $('cpu-note').textContent = `load ${known(host.load1, load => Number(load).toFixed(2))} · up ${known(host.uptime_s, duration)}`;
      $('memory-note').textContent = `of ${known(host.memory_total_bytes, bytes)}${host.processes ? ` · ${host.processes} processes` : ''}`;
    },
    plot(entries) {
      samples.push(...entries.map(([, fields]) => fields));
      samples.splice(0, samples.length - SAMPLES_MAX);
      draw();
    },
    clear() { samples.length = 0; },
  };
}

/** Draws one line per field into a chart's `path.line`, and an area under the first. */
function drawChart({ svg, fields, most }, samples) {
  if (samples.length === 0) return;
  const { width, height } = svg.viewBox.baseVal;
  const top = Math.max(most ? most(samples.at(-1)) : peakOf(samples, fields) * 1.1, 1e-9);
  const lines = svg.querySelectorAll('.line');
  fields.forEach((field, index) => {
    const step = width / Math.max(samples.length - 1, 1);
    const points = samples.map((sample, i) => {
      const share = Math.min(Math.max(Number(sample[field]) || 0, 0) / top, 1);
      return `${(i * step).toFixed(1)},${(height - 2 - share * (height - 4)).toFixed(1)}`;
    });
    lines[index].setAttribute('d', `M${points.join('L')}`);
    if (index === 0) svg.querySelector('.area').setAttribute('d', `M0,${height}L${points.join('L')}L${width},${height}Z`);
  });
}

function peakOf(samples, fields) {
  return samples.reduce((peak, sample) => Math.max(peak, ...fields.map(field => Number(sample[field]) || 0)), 0);
}

function quotesView() {
  const rows = new Map();
  return {
    table(table) {
      for (const [symbol, quote] of Object.entries(table)) {
        if (!rows.has(symbol)) rows.set(symbol, addRow(symbol));
        showQuote(rows.get(symbol), quote);
      }
      for (const [symbol, row] of rows) if (!(symbol in table)) { row.element.remove(); rows.delete(symbol); }
    },
    movers(movers) {
      $('movers').replaceChildren(...movers.map(([symbol, change]) =>
        element('li', {}, element('span', {}, symbol), element('span', { class: trend(change) }, signed(change)))));
    },
  };
}

function addRow(symbol) {
  const cells = ['price', 'change', 'volume'].map(name => element('td', { class: name }));
  const row = { element: element('tr', {}, element('th', { scope: 'row' }, symbol), ...cells), cells, price: undefined };
  const after = [...$('quotes-rows').children].find(other => other.firstChild.textContent > symbol);
  $('quotes-rows').insertBefore(row.element, after ?? null);
  return row;
}

function showQuote(row, { price, change, volume }) {
  const [priceCell, changeCell, volumeCell] = row.cells;
  priceCell.textContent = known(price, value => Number(value).toFixed(2));
  changeCell.textContent = known(change, signed);
  changeCell.className = `change ${trend(change)}`;
  volumeCell.textContent = known(volume, value => Number(value).toLocaleString('en'));
  if (row.price !== undefined && price !== row.price) flash(priceCell, price > row.price ? '--rose' : '--fell');
  row.price = price;
}

function flash(cell, colour) {
  if (calm.matches) return;
  const from = getComputedStyle(document.body).getPropertyValue(colour);
  cell.animate([{ backgroundColor: from }, {}], { duration: 900, easing: 'ease-out' });
}

function chatView() {
  const log = $('log');
  const form = $('chat-form');
  form.name.value = remembered('keywire-name') ?? `guest-${1000 + Math.floor(Math.random() * 9000)}`;
  return {
    say(id, name = '?', text = '') {
      const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
      const time = new Date(Number(id.split('-')[0]));
      log.append(element('li', {}, element('b', {}, name), ' ', text,
        element('time', { datetime: time.toISOString() }, time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }))));
      while (log.children.length > LINES_MAX) log.firstChild.remove();
      if (atEnd) log.scrollTop = log.scrollHeight;
    },
    clear() { log.replaceChildren(); },
    onsend(send) {
      form.addEventListener('submit', event => {
        event.preventDefault();
        remember('keywire-name', form.name.value);
        attemptTo('chat-problem', () => send(form.name.value, form.text.value).then(() => { form.text.value = ''; }));
        form.text.focus();
      });
    },
  };
}

function counterView() {
  return {
    show(count) { $('count').textContent = Number(count).toLocaleString('en'); },
    onclick(increment) { $('increment').addEventListener('click', () => attemptTo('counter-problem', increment)); },
  };
}

function attemptView() {
  const form = $('try-form');
  let stop;
  const endWatch = () => {
    stop?.();
    stop = undefined;
    $('watch').setAttribute('aria-pressed', 'false');
    $('watch').textContent = 'Watch live';
  };
  const view = {
    reply(value) {
      $('reply').textContent = printed(value);
      $('reply').classList.remove('failed');
      $('try-note').textContent = stop ? `live · ${new Date().toLocaleTimeString()}` : 'reply';
    },
    problem({ code, message }) {
      $('reply').textContent = `${code ?? 'ERR'} ${message}`;
      $('reply').classList.add('failed');
      $('try-note').textContent = 'error';
    },
    onrun(run) {
      form.addEventListener('submit', event => {
        event.preventDefault();
        endWatch();
        withWords(words => run(words).catch(view.problem));
      });
      $('examples').addEventListener('click', event => {
        if (event.target.localName !== 'button') return;
        form.line.value = event.target.textContent;
        form.requestSubmit();
      });
    },
    onwatch(watch) {
      $('watch').addEventListener('click', () => {
        if (stop) return endWatch();
        withWords(words => {
          $('watch').setAttribute('aria-pressed', 'true');
          $('watch').textContent = 'Stop';
          stop = watch(words);
        });
      });
    },
  };
  const withWords = use => {
    const words = splitLine(form.line.value);
    if (words === undefined) return view.problem({ code: 'ERR', message: 'unbalanced quotes' });
    if (words.length > 0) use(words);
  };
  return view;
}

/** Splits a command line as redis-cli does: quotes, backslash escapes in double quotes; undefined if unbalanced. */
export function splitLine(line) {
  const escapes = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };
  const words = [];
  const word = /\s*(?:"((?:\\[^]|[^"\\])*)"|'((?:\\'|[^'])*)'|([^\s"']+))(?=\s|$)/y;
  for (let end = line.trimEnd().length; word.lastIndex < end;) {
    const found = word.exec(line);
    if (!found) return undefined;
    const [, double, single, plain] = found;
    words.push(double?.replace(/\\(?:x([0-9a-fA-F]{2})|([^]))/g, (_, hex, c) => hex ? String.fromCharCode(parseInt(hex, 16)) : escapes[c] ?? c)
      ?? single?.replaceAll("\\'", "'") ?? plain);
  }
  return words;
}

// ------------------------------------------------------------------------------------------------------------- small tools

/** An element with attributes and children; strings become text, never markup. */
function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function attemptTo(problemId, act) {
  $(problemId).textContent = '';
  act().catch(error => { $(problemId).textContent = `${error.code ?? 'ERR'} ${error.message}`; });
}

function remembered(key) {
  try { return localStorage.getItem(key); } catch { return null; }
}

function remember(key, value) {
  try { localStorage.setItem(key, value); } catch { /* private mode: the name is asked again */ }
}

const known = (value, format) => value === undefined || value === null ? '–' : format(value);
const percent = value => `${Number(value).toFixed(1)} %`;
const signed = value => `${value > 0 ? '+' : ''}${Number(value).toFixed(2)} %`;
const trend = value => value > 0 ? 'up' : value < 0 ? 'down' : '';
const rate = value => `${scaled(value, 1000, ['B', 'kB', 'MB', 'GB'])}/s`;
const bytes = value => scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);

function scaled(value, step, units) {
  let rest = Number(value), unit = 0;
  while (rest >= step && unit < units.length - 1) { rest /= step; unit += 1; }
  return `${unit === 0 || rest >= 100 ? Math.round(rest) : rest.toFixed(1)} ${units[unit]}`;
}

/** JSON with one line for each element or field of the whole. */
function printed(value) {
  if (Array.isArray(value) && value.length > 1) return `[\n${value.map(item => `  ${JSON.stringify(item)}`).join(',\n')}\n]`;
  return JSON.stringify(value, null, 2);
}

function duration(seconds) {
  const [days, hours, minutes] = [86400, 3600, 60].map(unit => Math.floor(seconds / unit));
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.round(seconds)} s`;
}

/** Prints a function's source with comments, strings and keywords marked. */
function showCode(block, code) {
  const token = /(\/\/.*)|('(?:[^'\\]|\\.)*')|\b(const|for|of|function|return|await|async|every|json|from)\b|([^])/g;
  const classes = [undefined, 'comment', 'string', 'word'];
  let plain = '';
  const flush = () => { if (plain) block.append(plain); plain = ''; };
  for (const match of code.toString().matchAll(token)) {
    const kind = classes.findIndex((name, i) => name && match[i] !== undefined);
    if (kind < 0) { plain += match[0]; continue; }
    flush();
    block.append(element('span', { class: classes[kind] }, match[0]));
  }
  flush();
}

function start() {
  const kw = connect({
    onstate(state) {
      document.body.dataset.state = state;
      $('state').textContent = state;
    },
  });
  const sections = { monitoring: [monitoring, monitoringView], quotes: [quotes, quotesView], chat: [chat, chatView],
    counter: [counter, counterView], attempt: [attempt, attemptView] };
  for (const [name, [code, view]] of Object.entries(sections)) {
    showCode(document.querySelector(`[data-code=${name}]`), code);
    code(kw, view());
  }
  const post = new URL('command', document.baseURI);
  $('curl').textContent = `curl ${post} -H 'content-type: application/json' -d '["INCR","demo:counter"]'`;
}

start();
