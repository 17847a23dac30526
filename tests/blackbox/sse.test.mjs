// /sse by the npm package `eventsource`: events, ids, and the resume that EventSource does by itself.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EventSource } from 'eventsource';
import jsonpatch from 'fast-json-patch';
import { Client, compareIds, fresh, until } from './lib/client.mjs';
import { Relay } from './lib/rawsocket.mjs';
import { startServer } from './lib/server.mjs';

const NAMES = ['value', 'patch', 'message', 'entries', 'stale', 'missed', 'gap', 'closed'];
/** The data of every event is JSON: the value, the patch, the message (with its channel if a pattern found it), the entries. */
const parsed = JSON.parse;

describe('/sse', { timeout: 60_000 }, () => {
  let server, writer;
  const sources = [];
  before(async () => { server = await startServer(); writer = await Client.open(server); });
  after(async () => {
    sources.forEach(source => source.close());
    await writer?.close();
    await server?.stop();
  });

  /** An EventSource whose named events are collected as `{name, data, id}`. */
  function open(query, origin = server.origin) {
    const source = new EventSource(`${origin}/sse?${new URLSearchParams(query)}`);
    source.events = [];
    for (const name of NAMES) source.addEventListener(name, event => source.events.push({ name, data: event.data, id: event.lastEventId }));
    source.gets = (count, name) => until(() => source.events.filter(event => !name || event.name === name).length >= count,
      () => `${count} events ${name ?? ''}, there are ${JSON.stringify(source.events).slice(0, 500)}`);
    sources.push(source);
    return source;
  }

  test('it is text/event-stream that no cache keeps', async () => {
    const stop = new AbortController();
    const answer = await fetch(server.url('/sse?live=GET%20k'), { signal: stop.signal });
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type'), /^text\/event-stream/);
    assert.match(answer.headers.get('cache-control') ?? '', /no-store|no-cache/);
    stop.abort();
  });

  test('live: value, then patches, each with its tag as id', async () => {
    const key = fresh();
    await writer.command('HSET', key, ...Array.from({ length: 20 }, (_, i) => [`field${i}`, `value ${i}`]).flat());
    const source = open({ live: `HGETALL ${key}` });
    await source.gets(1);
    assert.equal(source.events[0].name, 'value');
    assert.match(source.events[0].id, /^.{16}$/);
    const native = await writer.request({ live: ['HGETALL', key] });
    assert.equal(source.events[0].id, native.tag, 'the tag is the one of every door');
    let value = parsed(source.events[0].data);
    assert.deepEqual(value, native.value);
    await writer.command('HSET', key, 'field3', 'changed');
    await source.gets(2);
    assert.equal(source.events[1].name, 'patch');
    value = jsonpatch.applyPatch(value, parsed(source.events[1].data), true).newDocument;
    assert.deepEqual(value, await writer.command('HGETALL', key));
    assert.notEqual(source.events[1].id, source.events[0].id);
    await writer.request({ close: native.feed });
  });

  test('live: a value with line breaks is one event', async () => {
    const key = fresh();
    await writer.command('SET', key, 'one\ntwo\r\nthree\rfour\n\ndata: five');
    const source = open({ live: `GET ${key}` });
    await source.gets(1);
    assert.equal(parsed(source.events[0].data), 'one\ntwo\r\nthree\rfour\n\ndata: five');
  });

  test('subscribe and psubscribe: message events', async () => {
    const channel = fresh('channel');
    const [direct, pattern] = [open({ subscribe: channel }), open({ psubscribe: `${channel.slice(0, -1)}*` })];
    await until(async () => { await writer.command('PUBLISH', channel, 'probe'); return direct.events.length > 0 && pattern.events.length > 0; }, 'the subscriptions');
    for (let i = 0; i < 100; i += 1) await writer.command('PUBLISH', channel, `message ${i}`);
    for (const source of [direct, pattern]) {
      const texts = () => source.events.map(({ name, data }) => { assert.equal(name, 'message'); return parsed(data); })
        .map(said => (source === direct ? said : said.channel === channel && said.message)).filter(text => text !== 'probe');
      await until(() => texts().length >= 100, '100 messages');
      assert.deepEqual(texts(), Array.from({ length: 100 }, (_, n) => `message ${n}`));
    }
  });

  const entriesOf = source => source.events.filter(({ name }) => name === 'entries').flatMap(({ data }) => parsed(data));

  test("follow: entries events whose id is the last entry's", async () => {
    const key = fresh('stream');
    for (let i = 0; i < 20; i += 1) await writer.command('XADD', key, '*', 'n', i);
    const source = open({ follow: key, from: '0' });
    await until(() => entriesOf(source).length === 20, 'the entries');
    const last = await writer.command('XADD', key, '*', 'n', 20);
    await until(() => entriesOf(source).length === 21, 'the new entry');
    assert.deepEqual(entriesOf(source).map(([, { n }]) => Number(n)), Array.from({ length: 21 }, (_, i) => i));
    assert.equal(source.events.at(-1).id, last);
  });

  test('a cut connection: EventSource comes back with Last-Event-ID and a stream goes on, none lost, none twice', async () => {
    const relay = await Relay.start(server);
    const key = fresh('stream');
    const source = open({ follow: key, from: '0' }, `http://127.0.0.1:${relay.port}`);
    let n = 0;
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 10; i += 1) await writer.command('XADD', key, '*', 'n', n++);
      await until(() => entriesOf(source).length === n, () => `${n} entries, there are ${entriesOf(source).length}`, 15_000);
      relay.cut();
      await writer.command('XADD', key, '*', 'n', n++);
    }
    await until(() => entriesOf(source).length === n, 'the rest', 15_000);
    assert.deepEqual(entriesOf(source).map(([, fields]) => Number(fields.n)), Array.from({ length: n }, (_, i) => i));
    assert.ok(relay.accepted >= 4);
    source.close();
    await relay.stop();
  });

  /** The text of the events that come within `ms` of a request with this Last-Event-ID. */
  async function resumed(query, id, ms = 400) {
    const stop = new AbortController();
    const answer = await fetch(server.url(`/sse?${new URLSearchParams(query)}`), { signal: stop.signal, headers: id ? { 'last-event-id': id } : {} });
    assert.equal(answer.status, 200);
    setTimeout(() => stop.abort(), ms);
    let text = '';
    try { for await (const chunk of answer.body) text += Buffer.from(chunk); } catch { /* aborted, as told */ }
    return text;
  }

  test('Last-Event-ID with the current tag: no value is sent again; with another it is', async () => {
    const key = fresh();
    await writer.command('SET', key, 'first');
    const { tag } = await writer.request({ live: ['GET', key], every: 0 });
    assert.doesNotMatch(await resumed({ live: `GET ${key}` }, tag), /event: ?value/);
    assert.match(await resumed({ live: `GET ${key}` }), /event: ?value/);
    await writer.command('SET', key, 'second');
    const text = await resumed({ live: `GET ${key}` }, tag);
    assert.match(text, /event: ?value/);
    assert.match(text, /second/);
  });

  test('Last-Event-ID of a trimmed place: a gap event', async () => {
    const key = fresh('stream');
    const ids = [];
    for (let i = 0; i < 10; i += 1) ids.push(await writer.command('XADD', key, '*', 'n', i));
    await writer.command('XTRIM', key, 'MAXLEN', '3');
    const text = await resumed({ follow: key, from: '0' }, ids[2]);
    assert.match(text, /event: ?gap/);
    assert.ok(text.indexOf('gap') < text.indexOf('entries'), 'the gap comes before the entries');
    assert.ok(compareIds(ids[7], ids[2]) > 0 && text.includes(ids[7]) && !text.includes(ids[6]));
  });

  test('what the server ends it says, and the response ends too', async () => {
    const key = fresh('stream');
    await writer.command('XADD', key, '5-1', 'f', 'v');
    const answer = await fetch(server.url(`/sse?follow=${key}&from=0`));
    setTimeout(() => writer.command('DEL', key), 50);
    const text = await answer.text();
    assert.match(text, /event: entries[^]*event: closed\ndata: \{"code":"RESET"[^\n]*\n\n$/);
  });

  test('exactly one query, and a right one: else 400', async () => {
    for (const query of ['', 'nonsense=x', 'live=GET%20a&subscribe=b', 'live=GET%20a&live=GET%20b', 'live=', 'live=GET%20%22x', 'follow=s&from=x']) {
      const answer = await fetch(server.url(`/sse?${query}`));
      assert.equal(answer.status, 400, query);
      await answer.text();
    }
    for (const query of ['live=SET%20k%20v', 'live=SUBSCRIBE%20c']) {
      const answer = await fetch(server.url(`/sse?${query}`));
      assert.ok(answer.status >= 400 && answer.status < 500, `${query}: ${answer.status}`);
      assert.match(await answer.text(), /NOTLIVE|BADREQUEST/);
    }
  });

  test('a hundred readers that leave are forgotten', async () => {
    const key = fresh();
    const readers = Array.from({ length: 100 }, () => open({ live: `GET ${key}` }));
    await Promise.all(readers.map(reader => reader.gets(1)));
    readers.forEach(reader => reader.close());
    await writer.command('SET', key, 'after they left');
    assert.equal(await writer.command('GET', key), 'after they left');
  });
});
