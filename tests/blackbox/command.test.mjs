// POST /command: one command or a pipeline by plain HTTP.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client, fresh } from './lib/client.mjs';
import { startServer } from './lib/server.mjs';

describe('POST /command', { timeout: 30_000 }, () => {
  let server;
  before(async () => { server = await startServer(); });
  after(() => server?.stop());
  const send = (body, headers = { 'content-type': 'application/json' }, method = 'POST') => fetch(server.url('/command'), { method, headers, body });

  test('one command answers {"result":…} as JSON', async () => {
    const key = fresh();
    const answer = await send(JSON.stringify(['SET', key, 'v']));
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type'), /^application\/json/);
    assert.deepEqual(await answer.json(), { result: 'OK' });
    assert.deepEqual(await server.post(['GET', key]), { result: 'v' });
    assert.deepEqual(await server.post(['GET', fresh()]), { result: null });
    assert.deepEqual(await server.post(['SET', key, 5]), { result: 'OK' });
    assert.deepEqual(await server.post(['INCR', key]), { result: 6 });
    assert.deepEqual(await server.post(['SET', key, { $base64: '/w==' }]), { result: 'OK' });
    assert.deepEqual(await server.post(['GET', key]), { result: { $base64: '/w==' } });
  });

  test('an error answers {"error":{code,message}}', async () => {
    const key = fresh();
    await server.command('SET', key, 'text');
    const { error } = await server.post(['LPUSH', key, 'x']);
    assert.equal(error.code, 'WRONGTYPE');
    assert.equal(typeof error.message, 'string');
    assert.equal((await server.post(['GET'])).error.code, 'ERR');
    assert.equal((await server.post(['SUBSCRIBE', 'c'])).error.code, 'BADREQUEST');
    assert.equal((await server.post(['BLPOP', key, '0'])).error.code, 'BADREQUEST');
  });

  test('a pipeline is answered by an array, in order, errors in their place', async () => {
    const key = fresh();
    const answers = await server.post([['SET', key, 'text'], ['LPUSH', key, 'x'], ['GET', key], ['APPEND', key, '!'], ['STRLEN', key]]);
    assert.equal(answers[1].error.code, 'WRONGTYPE');
    answers.splice(1, 1);
    assert.deepEqual(answers, [{ result: 'OK' }, { result: 'text' }, { result: 5 }, { result: 5 }]);
    const many = await server.post(Array.from({ length: 500 }, () => ['INCR', `${key}n`]));
    assert.deepEqual(many.map(({ result }) => result), Array.from({ length: 500 }, (_, i) => i + 1));
  });

  test('replies that are too much together are TOOBIG: asking again would not help', async () => {
    const key = fresh();
    await server.command('SET', key, 'x'.repeat(100_000));
    const answer = await send(JSON.stringify(Array.from({ length: 30 }, () => ['GET', key])));
    assert.equal(answer.status, 400);
    assert.equal((await answer.json()).error.code, 'TOOBIG');
    assert.equal((await server.post([['GET', key], ['GET', key]])).length, 2);
  });

  test('what is not a command is BADREQUEST', async () => {
    for (const body of ['', '{', '[', 'null', '5', '"GET k"', '{}', '{"command":["GET","k"]}', '[]', '[null]', '["GET",["k"]]', '["GET",null]', '[["GET","k"],"GET"]', '[["GET","k"],[]]', '\xff', '['.repeat(50_000)]) {
      const answer = await send(body);
      const parsed = await answer.json();
      const errors = Array.isArray(parsed) ? parsed.map(({ error }) => error).filter(Boolean) : [parsed.error];
      assert.equal(errors[0]?.code, 'BADREQUEST', `${body.slice(0, 40)} → ${JSON.stringify(parsed)}`);
    }
    const notText = await send(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]));
    assert.equal((await notText.json()).error?.code, 'BADREQUEST');
  });

  test('only application/json is taken: a form or plain text could come from any page', async () => {
    const key = fresh();
    const body = JSON.stringify(['SET', key, 'v']);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp', 'text/json; x=application/json']) {
      const answer = await send(body, { 'content-type': type });
      assert.equal(answer.status, 415, type);
      await answer.text();
    }
    const none = await send(Buffer.from(body), {});
    assert.equal(none.status, 415, 'no content type');
    await none.text();
    assert.equal(await server.command('EXISTS', key), 0, 'and nothing was carried out');
    for (const type of ['application/json; charset=utf-8', 'Application/JSON']) {
      const answer = await send(body, { 'content-type': type });
      assert.equal(answer.status, 200, type);
      await answer.text();
    }
  });

  test('other methods are 405, a body over message_bytes_max is 413', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await send(undefined, {}, method);
      assert.equal(answer.status, 405, method);
      await answer.text();
    }
    const large = await send(JSON.stringify(['SET', fresh(), 'x'.repeat(2 << 20)])).catch(() => ({ status: 413, text: () => '' }));
    assert.equal(large.status, 413);
    await large.text();
  });

  test('what it writes moves live feeds, and requests at once do not mix', async () => {
    const client = await Client.open(server);
    const key = fresh();
    const feed = await client.live(['GET', key]);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => server.post([['ECHO', `${i}`], ['INCR', key]])));
    answers.forEach(([echo], i) => assert.equal(echo.result, `${i}`));
    await feed.shows('100');
    await client.close();
  });
});
