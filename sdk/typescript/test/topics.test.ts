// The machine's feeds: opening, resuming, sharing, losing, and never showing what does not fit.
import { describe, expect, test } from 'vitest';
import { compareIds } from '../src/session/topic.ts';
import { openWorld, World, type Ear } from './lib/machine.ts';

const live = (key: string, options = {}) => ({ live: ['HGETALL', key] as const, ...options });
const opening = (id: number, change = {}) => ({ id, feed: 17, rev: 1, tag: 'tag-1', via: 'tracking', value: { a: '1', b: { c: '2' } }, ...change });

/** Loses the connection and gets another, whose requests are returned. */
function reconnect(world: World) {
  world.closed(1006);
  world.pass(5_000);
  world.outputs = [];
  world.hello();
  return world.sent() as unknown as (Record<string, unknown> & { id: number })[];
}

describe('a live query', () => {
  test('is loading, then live; patches and values change it, errors replace it, a value heals it', () => {
    const world = openWorld();
    const ear = world.listen(live('h'));
    expect([ear.state, ear.value]).toEqual(['loading', undefined]);
    const request = world.request();
    expect(request).toEqual({ id: request.id, live: ['HGETALL', 'h'] });
    world.frame(opening(request.id));
    expect([ear.state, ear.value]).toEqual(['live', { a: '1', b: { c: '2' } }]);
    world.frame({ feed: 17, rev: 2, tag: 'tag-2', patch: [{ op: 'replace', path: '/a', value: '9' }] });
    expect(ear.value).toEqual({ a: '9', b: { c: '2' } });
    world.frame({ feed: 17, rev: 3, error: { code: 'WRONGTYPE', message: 'a list now' } });
    expect([ear.state, ear.value, ear.error?.code]).toEqual(['live', undefined, 'WRONGTYPE']);
    world.frame({ feed: 17, rev: 7, tag: 'tag-7', value: { a: '1' } });
    expect([ear.state, ear.value, ear.error]).toEqual(['live', { a: '1' }, undefined]);
    expect(world.did()).toEqual([]);
  });

  test('may begin in an error, or stale', () => {
    const world = openWorld();
    const failing = world.listen(live('a'));
    world.frame({ id: world.request().id, feed: 1, rev: 4, via: 'tracking', error: { code: 'WRONGTYPE', message: 'no' } });
    expect([failing.state, failing.error?.code]).toEqual(['live', 'WRONGTYPE']);
    world.frame({ feed: 1, rev: 5, tag: 't', value: {} });
    expect([failing.error, failing.value]).toEqual([undefined, {}]);
    const stale = world.listen(live('b'));
    world.frame(opening(world.request().id, { feed: 2, stale: true }));
    expect([stale.state, stale.value]).toEqual(['stale', { a: '1', b: { c: '2' } }]);
    world.frame({ feed: 2, rev: 2, tag: 't', value: {} });
    expect([stale.state, stale.value]).toEqual(['stale', {}]);
    world.frame({ feed: 2, stale: false });
    expect(stale.state).toBe('live');
  });

  test('keeps the identity of what a patch, a whole value or a resume did not change', () => {
    const world = openWorld();
    const ear = world.opened(['GET', 'k'], { list: [{ n: 1 }, { n: 2 }], other: { x: [1] } });
    const before = ear.value as { list: object[]; other: object };
    world.frame({ feed: 17, rev: 2, tag: 't2', patch: [{ op: 'replace', path: '/list/1/n', value: 3 }] });
    const after = ear.value as typeof before;
    expect([after === before, after.list === before.list, after.list[0] === before.list[0], after.other === before.other]).toEqual([false, false, true, true]);
    expect(before).toEqual({ list: [{ n: 1 }, { n: 2 }], other: { x: [1] } });
    world.frame({ feed: 17, rev: 9, tag: 't9', value: { list: [{ n: 1 }, { n: 4 }], other: { x: [1] } } });
    const whole = ear.value as typeof before;
    expect([whole.list[0] === before.list[0], whole.other === before.other, whole.list[1]]).toEqual([true, true, { n: 4 }]);
    const [request] = reconnect(world);
    world.frame({ id: request!.id, feed: 3, rev: 1, tag: 't9', via: 'tracking', same: true });
    expect(ear.value === whole).toBe(true);
  });

  test('is stale while the connection is away, resumes by its tag, and goes on at the new rev', () => {
    const world = openWorld();
    const ear = world.opened(['GET', 'k'], 'v');
    world.closed(1006);
    expect([ear.state, ear.value]).toEqual(['stale', 'v']);
    world.pass(5_000);
    world.outputs = [];
    world.hello();
    const request = world.request();
    expect(request).toEqual({ id: request.id, live: ['GET', 'k'], have: 'tag-1' });
    world.frame({ feed: 17, rev: 2, tag: 'no', value: 'of a number that means nothing here' });
    expect([ear.state, ear.value]).toEqual(['stale', 'v']);
    world.frame({ id: request.id, feed: 4, rev: 80, tag: 'tag-1', via: 'tracking', same: true });
    expect([ear.state, ear.value]).toEqual(['live', 'v']);
    world.frame({ feed: 4, rev: 81, tag: 'tag-2', value: 'w' });
    expect(ear.value).toBe('w');
  });

  test.each([
    ['a rev is left out', { rev: 3, tag: 't', patch: [{ op: 'replace', path: '/a', value: 'wrong' }] }],
    ['a rev comes twice', { rev: 1, tag: 't', patch: [{ op: 'replace', path: '/a', value: 'wrong' }] }],
    ['a value goes back', { rev: 1, tag: 't', value: { a: 'wrong' } }],
    ['a path is not there', { rev: 2, tag: 't', patch: [{ op: 'replace', path: '/a', value: 'wrong' }, { op: 'remove', path: '/gone' }] }],
    ['an index is beyond', { rev: 2, tag: 't', patch: [{ op: 'add', path: '/b/c/5', value: 'wrong' }] }],
    ['an operation is unknown', { rev: 2, tag: 't', patch: [{ op: 'increase', path: '/a', value: 'wrong' }] }],
  ])('%s: it is opened again, and nothing wrong is shown', (_, frame) => {
    const world = openWorld();
    const ear = world.listen(live('h'));
    world.frame(opening(world.request().id));
    world.frame({ feed: 17, ...frame });
    expect([ear.state, ear.value]).toEqual(['stale', { a: '1', b: { c: '2' } }]);
    const [close, again] = world.sent();
    expect(close).toMatchObject({ close: 17 });
    expect(again).toEqual({ id: again!.id, live: ['HGETALL', 'h'] });
    world.frame({ feed: 17, rev: 4, tag: 't', patch: [{ op: 'replace', path: '/a', value: 'of the feed before' }] });
    world.frame({ id: close!.id, result: 'OK' });
    world.frame(opening(again!.id, { rev: 5, value: { a: 'right' } }));
    expect([ear.state, ear.value]).toEqual(['live', { a: 'right' }]);
    expect(world.did()).toEqual([]);
  });

  test('a patch for an error does not fit', () => {
    const world = openWorld();
    const ear = world.opened(['GET', 'k'], 'v');
    world.frame({ feed: 17, rev: 2, error: { code: 'WRONGTYPE', message: 'no' } });
    world.frame({ feed: 17, rev: 3, tag: 't', patch: [{ op: 'replace', path: '', value: 'w' }] });
    expect(ear.state).toBe('stale');
    expect(world.sent()).toHaveLength(2);
  });

  test('a server whose frames never fit is not asked all the time', () => {
    const world = openWorld();
    const ear = world.opened(['GET', 'k'], 'v');
    const misfit = () => world.frame({ feed: 17, rev: 50, tag: 't', patch: [] });
    misfit();
    world.frame(opening(world.sent()[1]!.id));
    misfit();
    expect(world.request()).toMatchObject({ close: 17 });
    world.pass(2_099);
    expect(world.did()).toEqual([]);
    world.pass(1);
    world.frame(opening(world.request().id));
    expect(ear.state).toBe('live');
    misfit();
    world.did();
    world.pass(4_199);
    expect(world.did()).toEqual([]);
    world.pass(1);
    world.frame(opening(world.request().id));
    world.frame({ feed: 17, rev: 2, tag: 't', value: 'good' });
    misfit();
    expect(world.sent()).toHaveLength(2); // forgiven: at once again
  });

  test('what is refused is closed; what is out of reach is asked again', () => {
    const world = openWorld();
    const [refused, away] = [world.listen(live('a')), world.listen(live('b'))];
    const [first, second] = world.sent();
    world.frame({ id: first!.id, error: { code: 'NOPERM', message: 'not yours' } });
    expect([refused.state, refused.error?.code, refused.error?.message]).toEqual(['closed', 'NOPERM', 'not yours']);
    world.frame({ id: second!.id, error: { code: 'UNAVAILABLE', message: 'no backend' } });
    expect([away.state, away.error?.code]).toEqual(['loading', 'UNAVAILABLE']);
    world.pass(1_049);
    expect(world.did()).toEqual([]);
    world.pass(1);
    world.frame({ id: world.request().id, error: { code: 'TOOMANY', message: 'slowly' } });
    world.pass(2_100);
    world.frame(opening(world.request().id));
    expect([away.state, away.error]).toEqual(['live', undefined]);
    const again = world.listen(live('a'));
    expect(again.state).toBe('loading');
    expect(world.request()).toMatchObject({ live: ['HGETALL', 'a'] });
  });

  test('what the server ends is closed, with the last value', () => {
    const world = openWorld();
    const ear = world.opened(['GET', 'k'], 'v');
    world.frame({ feed: 17, closed: { code: 'NOPERM', message: 'the rules changed' } });
    expect([ear.state, ear.value, ear.error?.code]).toEqual(['closed', 'v', 'NOPERM']);
    expect(reconnect(world)).toEqual([]);
    world.leave(ear);
    world.pass(10_000);
    expect(world.did()).toEqual([]);
  });
});

describe('sharing', () => {
  test('the same feed is one on the wire, closed when the last has left and a moment passed', () => {
    const world = openWorld();
    const one = world.opened(['GET', 'k'], 'v');
    const two = world.listen({ live: ['GET', 'k'] });
    expect(two.topic).toBe(one.topic);
    expect([two.state, two.value]).toEqual(['live', 'v']);
    expect(world.did()).toEqual([]);
    world.leave(one);
    world.pass(2_000);
    expect(world.did()).toEqual([]);
    world.leave(two);
    world.pass(999);
    expect(world.did()).toEqual([]);
    world.pass(1);
    expect(world.request()).toMatchObject({ close: 17 });
    world.listen({ live: ['GET', 'k'] });
    expect(world.request()).toMatchObject({ live: ['GET', 'k'] });
  });

  test('leaving and coming back within the moment costs nothing', () => {
    const world = openWorld();
    const ear = world.opened(['GET', 'k'], 'v');
    world.leave(ear);
    world.pass(900);
    world.listen({ live: ['GET', 'k'] });
    world.pass(10_000);
    expect(world.did()).toEqual([]);
  });

  test('other options are another feed', () => {
    const world = openWorld();
    world.listen(live('h'));
    world.listen(live('h', { every: 100 }));
    world.listen(live('h', { json: true }));
    expect(world.sent()).toHaveLength(3);
  });

  test('left while the opening is under way: closed when its number is known', () => {
    const world = openWorld();
    const ear = world.listen(live('h'));
    const request = world.request();
    world.leave(ear);
    world.pass(5_000);
    expect(world.did()).toEqual([]);
    world.frame(opening(request.id));
    world.pass(1_000);
    expect(world.request()).toMatchObject({ close: 17 });
  });

  test('left while the connection is away: not asked for again', () => {
    const world = openWorld({ lingerMs: 60_000 });
    const ear = world.opened(['GET', 'k'], 'v');
    world.leave(ear);
    expect(reconnect(world)).toEqual([]);
  });

  test('two requests that the server takes for one feed share its frames, and the close waits for both', () => {
    const world = openWorld();
    const one = world.listen(live('h'));
    const two = world.listen(live('h', { every: 16 }));
    const [a, b] = world.sent();
    world.frame(opening(a!.id));
    world.frame({ feed: 17, rev: 2, tag: 't2', patch: [{ op: 'replace', path: '/a', value: '2' }] });
    world.frame(opening(b!.id, { rev: 2, tag: 't2', value: { a: '2', b: { c: '2' } } }));
    world.frame({ feed: 17, rev: 3, tag: 't3', patch: [{ op: 'replace', path: '/a', value: '3' }] });
    expect([one.value, two.value]).toEqual([{ a: '3', b: { c: '2' } }, { a: '3', b: { c: '2' } }]);
    world.leave(one);
    world.pass(2_000);
    expect(world.did()).toEqual([]);
    world.frame({ feed: 17, rev: 4, tag: 't4', value: {} });
    expect(two.value).toEqual({});
    world.leave(two);
    world.pass(2_000);
    expect(world.request()).toMatchObject({ close: 17 });
  });

  test('a number is not closed while an opening that may be answered by it is under way', () => {
    const world = openWorld();
    const one = world.opened(['GET', 'k'], 'v');
    const two = world.listen({ live: ['GET', 'k'], every: 16 });
    const request = world.request();
    world.leave(one);
    world.pass(5_000);
    expect(world.did()).toEqual([]);
    world.frame({ id: request.id, feed: 17, rev: 1, tag: 't', via: 'tracking', value: 'v' });
    expect(world.did()).toEqual([]);
    world.frame({ feed: 17, rev: 2, tag: 't2', value: 'w' });
    expect(two.value).toBe('w');
  });

  test('a frame that fits one of two does not hurt the other for long', () => {
    const world = openWorld();
    const one = world.opened(['GET', 'k'], { a: 1 });
    const two = world.listen({ live: ['GET', 'k'], every: 16 });
    world.frame({ id: world.request().id, feed: 17, rev: 5, tag: 't', via: 'tracking', value: { a: 5 } });
    world.frame({ feed: 17, rev: 6, tag: 't6', patch: [{ op: 'replace', path: '/a', value: 6 }] });
    const sent = world.sent();
    expect(sent.map(request => Object.keys(request)[1])).toEqual(['close', 'live', 'live']);
    for (const { id } of sent.slice(1)) world.frame({ id, feed: 17, rev: 6, tag: 't6', via: 'tracking', value: { a: 6 } });
    expect([one.value, two.value, one.state, two.state]).toEqual([{ a: 6 }, { a: 6 }, 'live', 'live']);
  });

  test('a frame that fits neither of two: both are opened again, once', () => {
    const world = openWorld();
    const one = world.opened(['GET', 'k'], { a: 1 });
    const two = world.listen({ live: ['GET', 'k'], every: 16 });
    world.frame({ id: world.request().id, feed: 17, rev: 1, tag: 'tag-1', via: 'tracking', value: { a: 1 } });
    world.frame({ feed: 17, rev: 9, tag: 't9', patch: [{ op: 'replace', path: '/a', value: 9 }] });
    expect(world.sent().map(request => Object.keys(request)[1])).toEqual(['close', 'live', 'live']);
    expect([one.value, two.value, one.state]).toEqual([{ a: 1 }, { a: 1 }, 'stale']);
  });

  test('what was left and is under way when the connection is lost is forgotten with it', () => {
    const world = openWorld();
    const ear = world.listen(live('h'));
    const request = world.request();
    world.leave(ear);
    world.pass(5_000);
    expect(world.session.topic(live('h'))).toBe(ear.topic);
    expect(reconnect(world)).toEqual([]);
    expect(world.session.topic(live('h'))).not.toBe(ear.topic);
    world.frame(opening(request.id)); // an answer to a request of the connection before
    world.pass(5_000);
    expect(world.did()).toEqual([]);
  });
});

describe('channels', () => {
  const open = (world: World) => {
    const ear = world.listen({ subscribe: 'news' });
    world.frame({ id: world.request().id, feed: 18 });
    return ear;
  };

  test('tell messages and losses, in order', () => {
    const world = openWorld();
    const ear = open(world);
    expect(ear.state).toBe('live');
    for (const frame of [{ message: 'one' }, { missed: 12 }, { message: 'two' }, { stale: true }, { missed: null }, { stale: false }]) world.frame({ feed: 18, ...frame });
    expect(ear.events()).toEqual([{ message: 'one' }, { missed: 12 }, { message: 'two' }, { missed: null }]);
  });

  test('a pattern\'s messages have their channel', () => {
    const world = openWorld();
    const ear = world.listen({ psubscribe: 'n*' });
    world.frame({ id: world.request().id, feed: 19 });
    world.frame({ feed: 19, channel: 'news', message: 'one' });
    expect(ear.events()).toEqual([{ message: { channel: 'news', message: 'one' } }]);
  });

  test('what was sent while the connection was away is lost, and that is told', () => {
    const world = openWorld();
    const ear = open(world);
    const [request] = reconnect(world);
    expect(ear.state).toBe('stale');
    expect(ear.events()).toEqual([]);
    world.frame({ id: request!.id, feed: 2 });
    expect([ear.state, ear.events()]).toEqual(['live', [{ missed: null }]]);
  });
});

describe('streams', () => {
  const follow = { follow: 's' };
  const open = (world: World, place?: string, from = place ?? '100-0'): Ear => {
    const ear = world.listen(follow, place);
    const request = world.request();
    expect(request).toEqual({ id: request.id, follow: 's', from: place ?? '$' });
    world.frame({ id: request.id, feed: 20, from });
    return ear;
  };
  const entries = (...ids: string[]) => ({ feed: 20, entries: ids.map(id => [id, { f: 'v' }]) });
  const ids = (ear: Ear) => ear.events().flatMap(event => ('entries' in event ? event.entries.map(([id]) => id) : [JSON.stringify(event)]));

  test('resume after the last entry that came', () => {
    const world = openWorld();
    const ear = open(world);
    world.frame(entries('101-0', '101-1'));
    expect(ids(ear)).toEqual(['101-0', '101-1']);
    const [request] = reconnect(world);
    expect(request).toMatchObject({ follow: 's', from: '101-1' });
    world.frame({ id: request!.id, feed: 20, from: '101-1' });
    world.frame(entries('102-0'));
    expect(ids(ear)).toEqual(['102-0']);
  });

  test('resume from the beginning if nothing came', () => {
    const world = openWorld();
    open(world);
    expect(reconnect(world)[0]).toMatchObject({ from: '100-0' });
  });

  test('one that begins earlier makes the feed begin earlier; nobody sees an entry twice', () => {
    const world = openWorld();
    const late = open(world);
    world.frame(entries('101-0'));
    const early = world.listen(follow, '0');
    const [close, again] = world.sent();
    expect(close).toMatchObject({ close: 20 });
    expect(again).toMatchObject({ from: '0' });
    world.frame({ id: again!.id, feed: 20, from: '0-0' });
    world.frame(entries('99-0', '100-0', '101-0', '102-0'));
    expect(ids(late)).toEqual(['101-0', '102-0']);
    expect(ids(early)).toEqual(['99-0', '100-0', '101-0', '102-0']);
    expect(reconnect(world)[0]).toMatchObject({ from: '102-0' });
  });

  test('one that begins later sees nothing before its place', () => {
    const world = openWorld();
    const early = open(world, '0', '0-0');
    world.frame(entries('50-0'));
    const later = world.listen(follow, '70-0');
    const fresh = world.listen(follow);
    expect(world.did()).toEqual([]);
    world.frame(entries('60-0', '70-0', '80-0'));
    expect([ids(early), ids(later), ids(fresh)]).toEqual([['50-0', '60-0', '70-0', '80-0'], ['80-0'], ['60-0', '70-0', '80-0']]);
  });

  test('only new ones for one, all for another, asked for together: the end is learned first', () => {
    const world = new World();
    const [fresh, all] = [world.listen(follow), world.listen(follow, '0')];
    world.did();
    world.hello();
    const first = world.request();
    expect(first).toMatchObject({ from: '$' });
    world.frame({ id: first.id, feed: 20, from: '100-0' });
    const [close, second] = world.sent();
    expect([close, second]).toMatchObject([{ close: 20 }, { from: '0' }]);
    world.frame({ id: second!.id, feed: 20, from: '0-0' });
    world.frame(entries('99-0', '100-0', '101-0'));
    expect([ids(fresh), ids(all)]).toEqual([['101-0'], ['99-0', '100-0', '101-0']]);
  });

  test('a gap is told to those who are behind it', () => {
    const world = openWorld();
    const behind = open(world, '0', '0-0');
    const ahead = world.listen(follow, '500-0');
    world.frame({ feed: 20, gap: { after: '0-0', first: '300-0' } });
    expect(behind.events()).toEqual([{ gap: { after: '0-0', first: '300-0' } }]);
    expect(ahead.events()).toEqual([]);
    world.frame({ feed: 20, gap: { after: '300-0', first: null } });
    expect([behind.events(), ahead.events()]).toEqual([[{ gap: { after: '300-0', first: null } }], [{ gap: { after: '300-0', first: null } }]]);
  });

  test('a stream that begins anew is followed from its beginning, and that is told', () => {
    const world = openWorld();
    const ear = open(world);
    world.frame({ feed: 20, closed: { code: 'RESET', message: 'deleted' } });
    expect([ear.state, ear.events()]).toEqual(['stale', [{ reset: true }]]);
    const again = world.request();
    expect(again).toMatchObject({ follow: 's', from: '0' });
    world.frame({ id: again.id, feed: 21, from: '0-0' });
    world.frame({ feed: 21, entries: [['1-0', {}]] });
    expect([ear.state, ids(ear)]).toEqual(['live', ['1-0']]);
  });

  test('also if that is found out at the opening', () => {
    const world = openWorld();
    const ear = open(world, '900-0');
    const [request] = reconnect(world);
    world.frame({ id: request!.id, error: { code: 'RESET', message: 'beyond the end' } });
    world.pass(1_050);
    expect([ear.events(), world.request()]).toMatchObject([[{ reset: true }], { from: '0' }]);
  });

  test('ids are compared as the numbers they are', () => {
    const sorted = ['0', '0-1', '1', '9-18446744073709551615', '10-0', '10-9', '10-10', '18446744073709551615-0', '18446744073709551615-18446744073709551615'];
    for (const [i, a] of sorted.entries()) for (const [j, b] of sorted.entries()) expect(Math.sign(compareIds(a, b))).toBe(Math.sign(i - j));
    expect(compareIds('5', '5-0')).toBe(0);
  });
});
