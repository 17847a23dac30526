// The checker checked: every planted fault is found, and where nothing is planted nothing is found. Seconds, on the embedded store.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../blackbox/lib/client.mjs';
import { Translator } from '../blackbox/lib/proxy.mjs';
import { Parser, RespError, RespMap } from '../blackbox/lib/resp.mjs';
import { Follow, Live, Messages, checkStaleness } from './feeds.mjs';
import { chaos } from './harness.mjs';
import { PatchError, apply, equal } from './patch.mjs';
import { PLANTS } from './plants.mjs';
import { liveValue } from './values.mjs';
import { Publishers } from './writers.mjs';

describe('patches by RFC 6902', () => {
  // Appendix A of the RFC: document, patch, result (undefined: an error).
  const rows = [
    [{ foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { baz: 'qux', foo: 'bar' }],
    [{ foo: ['bar', 'baz'] }, [{ op: 'add', path: '/foo/1', value: 'qux' }], { foo: ['bar', 'qux', 'baz'] }],
    [{ baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
    [{ foo: ['bar', 'qux', 'baz'] }, [{ op: 'remove', path: '/foo/1' }], { foo: ['bar', 'baz'] }],
    [{ baz: 'qux', foo: 'bar' }, [{ op: 'replace', path: '/baz', value: 'boo' }], { baz: 'boo', foo: 'bar' }],
    [{ foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } }, [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }], { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } }],
    [{ foo: ['all', 'grass', 'cows', 'eat'] }, [{ op: 'move', from: '/foo/1', path: '/foo/3' }], { foo: ['all', 'cows', 'eat', 'grass'] }],
    [{ baz: 'qux', foo: ['a', 2, 'c'] }, [{ op: 'test', path: '/baz', value: 'qux' }, { op: 'test', path: '/foo/1', value: 2 }], { baz: 'qux', foo: ['a', 2, 'c'] }],
    [{ baz: 'qux' }, [{ op: 'test', path: '/baz', value: 'bar' }], undefined],
    [{ foo: 'bar' }, [{ op: 'add', path: '/child', value: { grandchild: {} } }], { foo: 'bar', child: { grandchild: {} } }],
    [{ foo: 'bar' }, [{ op: 'add', path: '/baz/bat', value: 'qux' }], undefined],
    [{ '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
    [{ foo: ['bar'] }, [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }], { foo: ['bar', ['abc', 'def']] }],
    [['a'], [{ op: 'add', path: '/2', value: 'x' }], undefined],
    [['a'], [{ op: 'replace', path: '/1', value: 'x' }], undefined],
    [['a'], [{ op: 'remove', path: '/-' }], undefined],
    [['a'], [{ op: 'add', path: '/01', value: 'x' }], undefined],
    [{ a: 1 }, [{ op: 'replace', path: '', value: null }], null],
    [{ a: 1 }, [{ op: 'replace', path: '/b', value: 1 }], undefined],
    [{ a: { b: 1 } }, [{ op: 'copy', from: '/a', path: '/c' }, { op: 'replace', path: '/a/b', value: 2 }], { a: { b: 2 }, c: { b: 1 } }],
    [{ a: { b: 1 } }, [{ op: 'move', from: '/a', path: '/a/b/c' }], undefined],
    [{}, [{ op: 'frobnicate', path: '/a' }], undefined],
  ];
  for (const [document, patch, result] of rows) {
    test(JSON.stringify(patch), () => {
      const before = JSON.stringify(document);
      if (result === undefined) assert.throws(() => apply(document, patch), PatchError);
      else assert.ok(equal(apply(document, patch), result));
      assert.equal(JSON.stringify(document), before, 'the document is left as it was');
    });
  }
});

test('replies in any chunks are the same replies, and become the JSON that was promised', () => {
  const bytes = Buffer.from('%2\r\n$1\r\na\r\n,1.5\r\n$1\r\nb\r\n*3\r\n:5\r\n_\r\n#t\r\n~2\r\n$1\r\nz\r\n$1\r\nA\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n-WRONGTYPE no\r\n', 'latin1');
  for (let size = 1; size <= bytes.length; size += 1) {
    const parser = new Parser(), replies = [];
    for (let at = 0; at < bytes.length; at += size) {
      parser.push(bytes.subarray(at, at + size));
      for (let next; (next = parser.next());) replies.push(next);
    }
    assert.deepEqual(replies.map(({ push }) => push), [false, false, true, false]);
    assert.deepEqual(liveValue(['HGETALL', 'k'], replies[0].value, false), { value: { a: 1.5, b: [5, null, true] } });
    assert.deepEqual(liveValue(['SMEMBERS', 'k'], replies[1].value, false), { value: ['A', 'z'] });
    assert.deepEqual(liveValue(['GET', 'k'], replies[3].value, false), { error: 'WRONGTYPE' });
  }
  assert.deepEqual(liveValue(['HGETALL', 'k'], RespMap.from([[Buffer.from('$x'), Buffer.from([0xff])]]), false), { value: { $map: [['$x', { $base64: '/w==' }]] } });
  assert.deepEqual(liveValue(['GET', 'k'], Buffer.from('{"a":[1]}'), true), { value: { a: [1] } });
  assert.ok(new RespError('MOVED 1 127.0.0.1:1').code === 'MOVED');
});

test('addresses in answers lead back to the proxies, however the answers are cut', () => {
  const answer = 'x\r\n-MOVED 5 127.0.0.1:30001\r\n*2\r\n$9\r\n127.0.0.1\r\n:30002\r\n$9\r\n127.0.0.1\r\n$5\r\n30001\r\n+switch 127.0.0.1 30001 127.0.0.1 30002\r\n:30001\r\n$5\r\n30001\r\n$4\r\nport\r\n:30002\r\n';
  const shown = answer.replaceAll(/(127\.0\.0\.1(?::| |\r\n:|\r\n\$5\r\n)|port\r\n:)3000([12])/g, '$14000$2');
  for (let size = 1; size <= answer.length; size += 1) {
    const translator = new Translator(() => new Map([[30001, 40001], [30002, 40002]]));
    let out = '';
    for (let at = 0; at < answer.length; at += size) out += translator.take(Buffer.from(answer.slice(at, at + size))).toString();
    assert.equal(out + translator.rest(), shown, `in chunks of ${size}`);
  }
});

describe('planted faults that need a place of their own', () => {
  /** A feed of this kind whose frames pass through a plant. */
  function planted(name, Kind, query, ...more) {
    const found = [];
    const feed = new Kind(query, kind => found.push(kind), ...more);
    const plant = name ? PLANTS[name].make() : frame => [frame];
    return { feed, found, take: (frame, at = 100) => { for (const shown of plant(frame, feed)) feed.take(shown, at); } };
  }
  /** The story with the plant must be found, and without it nothing. */
  const both = (name, story) => test(name, () => {
    assert.deepEqual(story(undefined), [], 'nothing is found where nothing is planted');
    assert.ok(story(name).some(kind => PLANTS[name].finds.includes(kind)));
  });

  both('lose-gap', name => {
    const { feed, found, take } = planted(name, Follow, { follow: 's', from: '0' });
    feed.opened({ feed: 1, from: '0-0' }, 0, 'n');
    take({ feed: 1, entries: [['1-0', { w: 'x' }]] });
    take({ feed: 1, gap: { after: '1-0', first: '5-0' } });
    take({ feed: 1, entries: [['5-0', { w: 'x' }]] });
    feed.check(['5-0'], [{ id: '1-0', sent: 1 }, { id: '3-0', sent: 2 }, { id: '5-0', sent: 3 }], true);
    return found;
  });

  function channel(name, frames) {
    const publishers = new Publishers();
    const { feed, found, take } = planted(name, Messages, { subscribe: 'c' }, publishers);
    feed.opened({ feed: 1 }, 0, 'n');
    feed.nextRound(new Map());
    for (let i = 0; i < 20; i += 1) publishers.message('c', 1, 0, i).entry.acked = true;
    for (const frame of frames) take({ feed: 1, ...frame });
    feed.check(publishers.finals());
    return found;
  }
  const said = (from, to) => Array.from({ length: to - from }, (_, i) => ({ message: `w1g0n${from + i}x` }));
  both('hide-missed', name => channel(name, [...said(0, 5), { missed: 10 }, ...said(15, 20)]));
  both('wrong-missed', name => channel(name, [...said(0, 5), { missed: 10 }, ...said(15, 20)]));
  test('an interruption at the very end is told as well', () => {
    assert.deepEqual(channel('hide-missed', [...said(0, 5), { missed: null }]), ['silent-loss']);
    assert.deepEqual(channel(undefined, [...said(0, 5), { missed: null }]), []);
  });

  const outage = { from: 1_000, to: 6_000, touches: () => true };
  both('hide-stale', name => {
    const { feed, found, take } = planted(name, Live, { live: ['GET', 'k'] });
    feed.opened({ feed: 1, rev: 1, tag: 't', value: null }, 0, 'n');
    take({ feed: 1, stale: true }, 3_000);
    take({ feed: 1, stale: false }, 6_100);
    checkStaleness([feed], [outage], 500);
    return found;
  });
  both('stay-stale', name => {
    const { feed, found, take } = planted(name, Live, { live: ['GET', 'k'] });
    feed.opened({ feed: 1, rev: 1, tag: 't', value: null }, 0, 'n');
    take({ feed: 1, stale: true }, 3_000);
    take({ feed: 1, stale: false }, 6_100);
    if (!feed.shows({ value: null })) feed.diverged({ value: null });
    return found;
  });
  test('stale told too late is found, told before is not, and who was not there is not asked', () => {
    const late = planted(undefined, Live, { live: ['GET', 'k'] });
    late.feed.opened({ feed: 1, rev: 1, tag: 't', value: null }, 0, 'n');
    late.take({ feed: 1, stale: true }, 4_000);
    checkStaleness([late.feed], [outage], 500);
    assert.deepEqual(late.found, ['stale-not-told']);
    const absent = planted(undefined, Live, { live: ['GET', 'k'] });
    absent.feed.opened({ feed: 1, rev: 1, tag: 't', value: null }, 1_500, 'n');
    checkStaleness([absent.feed], [outage], 500);
    assert.deepEqual(absent.found, []);
  });
});

describe('a whole run', { timeout: 90_000 }, () => {
  const seed = Number(process.env.KEYWIRE_SEED ?? new Random().seed);
  const online = Object.entries(PLANTS).filter(([, { offline }]) => !offline);

  test('every planted fault is found, each at the client that it was shown to, and nobody else has a problem', async t => {
    t.diagnostic(`KEYWIRE_SEED=${seed}`);
    const summary = await chaos({
      topology: 'embedded', clients: online.length + 6, feeds: 60, rate: 900, seed, rounds: 1, storm_ms: 4_000, settle_ms: 2_500, faults: [], restless: false,
      plants: online.map(([, { make }]) => make()),
    });
    for (const [number, [name, { finds }]] of online.entries()) {
      const kinds = new Set(summary.problems.filter(({ client }) => client === number).map(({ kind }) => kind));
      assert.ok(finds.some(kind => kinds.has(kind)), `${name} was not found; found: ${[...kinds]}`);
    }
    assert.deepEqual(summary.problems.filter(({ client }) => !(client < online.length)), []);
  });

  test('without a plant there is no problem', async t => {
    t.diagnostic(`KEYWIRE_SEED=${seed}`);
    const summary = await chaos({ topology: 'embedded', clients: 40, seed, rounds: 3 });
    assert.deepEqual(summary.problems, []);
    assert.ok(summary.feeds.patches > 100 && summary.feeds.messages > 100 && summary.feeds.entries > 50, JSON.stringify(summary.feeds));
  });
});
