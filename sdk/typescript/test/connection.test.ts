// The machine's connection: when it connects, comes back, gives up, notices silence, and what becomes of requests.
import { describe, expect, test } from 'vitest';
import { ConnectionError, KeywireError, ReplyError } from '../src/errors.ts';
import { advice, delayMs } from '../src/session/backoff.ts';
import { openWorld, World } from './lib/machine.ts';

const CODES = {
  stop: [4000, 4001, 4003, 4004, 4099],
  now: [4201, 4202, 4299],
  wait: [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1013, 4100, 4101, 4102, 4199, 4300, 3000],
};

describe('connecting', () => {
  test('nothing happens before somebody wants something', () => {
    const world = new World();
    expect(world.did()).toEqual([]);
    expect(world.session.nextTimeout()).toBe(Infinity);
    world.listen({ subscribe: 'c' });
    expect(world.did()).toEqual(['connect']);
    expect(world.session.state).toBe('connecting');
  });

  test('a token is fetched before every connect, and only then is a socket opened', () => {
    const world = new World({ token: true });
    world.listen({ subscribe: 'c' });
    expect(world.did()).toEqual(['token']);
    world.session.handleToken(world.attempt, 'a.b.c', world.now);
    world.flush();
    expect(world.outputs).toContainEqual({ do: 'connect', attempt: 1, token: 'a.b.c' });
    world.hello();
    world.did();
    world.closed(1006);
    world.pass(5_000);
    expect(world.did()).toEqual(['disconnect', 'token']);
  });

  test('a token that comes after its attempt is over is not used', () => {
    const world = new World({ token: true });
    world.listen({ subscribe: 'c' });
    const old = world.attempt;
    world.session.handleTokenFailed(old, new KeywireError('TOKEN', 'no'), world.now);
    world.flush();
    expect(world.session.state).toBe('waiting');
    expect(world.session.error?.code).toBe('TOKEN');
    world.outputs = [];
    world.session.handleToken(old, 'late', world.now);
    expect(world.did()).toEqual([]);
    world.pass(3_000);
    expect(world.did()).toEqual(['token']);
  });

  test('no hello in ten seconds is a failure', () => {
    const world = new World();
    world.listen({ subscribe: 'c' });
    world.did();
    world.pass(9_999);
    expect(world.did()).toEqual([]);
    world.pass(1);
    expect(world.did()).toEqual(['disconnect']);
    expect(world.session.state).toBe('waiting');
  });

  test('frames and closes of an earlier socket are nobody\'s', () => {
    const world = openWorld();
    const old = world.attempt;
    world.closed(1006);
    world.pass(5_000);
    world.did();
    world.session.handleClosed(old, 4004, 'late', world.now);
    world.session.handleFrame(old, { hello: {} as never }, world.now);
    expect(world.did()).toEqual([]);
    expect(world.session.state).toBe('connecting');
  });
});

describe('close codes', () => {
  test('the hundred is the advice', () => {
    for (const [advised, codes] of Object.entries(CODES)) for (const code of codes) expect([code, advice(code)]).toEqual([code, advised]);
  });

  test.each(CODES.stop)('%i: does not come back, and says so to everybody', code => {
    const world = openWorld();
    const ear = world.opened(['GET', 'k'], 'v');
    const sent = world.ask({ command: ['GET', 'k'] });
    world.closed(code);
    expect(world.session.state).toBe('closed');
    expect(world.session.error).toMatchObject({ code: 'CLOSED', closeCode: code });
    expect([ear.state, ear.value, ear.error?.code]).toEqual(['closed', 'v', 'CLOSED']);
    expect(sent.outcome).toMatchObject({ code: 'CLOSED', sent: true });
    expect(world.ask({ command: ['GET', 'k'] }).outcome).toMatchObject({ code: 'CLOSED', sent: false });
    expect(world.listen({ live: ['GET', 'other'] }).state).toBe('closed');
    expect(world.session.nextTimeout()).toBe(Infinity);
  });

  test.each(CODES.wait)('%i: comes back after the delay', code => {
    const world = openWorld();
    world.closed(code);
    expect(world.session.state).toBe('waiting');
    expect(world.session.retryAt).toBe(world.now + 1_050);
    world.pass(1_049);
    expect(world.did()).toEqual(['disconnect']);
    world.pass(1);
    expect(world.did()).toEqual(['connect']);
  });

  test.each(CODES.now)('%i: comes back at once, with a new token', code => {
    const world = new World({ token: true });
    world.listen({ subscribe: 'c' });
    world.session.handleToken(world.attempt, 'old', world.now);
    world.hello();
    world.did();
    world.closed(code);
    world.pass(0);
    expect(world.did()).toEqual(['disconnect', 'token']);
  });

  test('who is sent away at once again and again waits as others do', () => {
    const world = openWorld();
    world.closed(4202);
    world.pass(0);
    world.hello();
    world.closed(4202);
    expect(world.session.retryAt! - world.now).toBe(2 * 1_050);
    world.pass(5_000);
    world.hello();
    world.pass(10_000);
    world.closed(4202);
    expect(world.session.retryAt).toBe(world.now);
  });
});

describe('the delay', () => {
  test('is anywhere in the server\'s window, which doubles with every failure, up to half a minute', () => {
    expect(delayMs([100, 2000], 0, 0)).toBe(100);
    expect(delayMs([100, 2000], 0, 1)).toBe(2000);
    expect(delayMs([100, 2000], 3, 0.5)).toBe(8 * 1050);
    expect(delayMs([100, 2000], 100, 1)).toBe(30_000);
    expect(delayMs([100, 2000], 100, 0)).toBe(1_500);
    expect(delayMs([5_000, 120_000], 5, 1)).toBe(120_000);
    expect(delayMs([0, 0], 5, 0.5)).toBe(0);
  });

  test('grows while the server is away, and is the first again after a connection that lasted', () => {
    const world = openWorld({}, { reconnect_ms: [10, 20] });
    const delays: number[] = [];
    const lose = () => {
      world.closed(1006);
      delays.push(world.session.retryAt! - world.now);
      world.pass(world.session.retryAt! - world.now);
    };
    lose(); lose(); lose();
    world.hello({ reconnect_ms: [10, 20] });
    world.pass(9_999);
    lose();
    world.hello({ reconnect_ms: [10, 20] });
    world.pass(10_000);
    lose();
    expect(delays).toEqual([15, 30, 60, 120, 15]);
  });
});

describe('waking', () => {
  test('connects at once, whatever it was waiting for', () => {
    const world = openWorld();
    world.closed(1006);
    world.did();
    world.session.wake(world.now);
    expect(world.did()).toEqual(['connect']);
    world.session.wake(world.now);
    expect(world.did()).toEqual([]);
  });

  test('asks an open connection for a sign of life, and leaves it after five seconds without', () => {
    const world = openWorld();
    world.session.wake(world.now);
    expect(world.request()).toMatchObject({ ping: 0 });
    world.frame({ id: 2, result: 0 });
    world.pass(6_000);
    expect(world.session.state).toBe('open');
    world.session.wake(world.now);
    world.did();
    world.pass(5_000);
    expect(world.did()).toEqual(['disconnect']);
    expect(world.session.retryAt! - world.now).toBeGreaterThan(0);
  });

  test('a connection that turns out lost just after waking is made again at once', () => {
    const world = openWorld();
    world.pass(20_000);
    world.session.wake(world.now);
    world.pass(100);
    world.closed(1006);
    expect(world.session.retryAt).toBe(world.now);
  });

  test('hidden for long: a lost connection is left lost until the page is shown', () => {
    const world = openWorld({}, { ping_interval_ms: 1e9 });
    world.session.handleVisible(false, world.now);
    world.pass(59_000);
    world.closed(1006);
    world.did();
    world.pass(1_050);
    expect(world.session.state).toBe('paused');
    world.pass(3_600_000);
    expect(world.did()).toEqual([]);
    world.session.handleVisible(true, world.now);
    expect(world.did()).toEqual(['connect']);
  });

  test('hidden for a moment: it comes back as always', () => {
    const world = openWorld();
    world.session.handleVisible(false, world.now);
    world.closed(1006);
    world.did();
    world.pass(2_000);
    expect(world.did()).toEqual(['connect']);
  });
});

describe('silence', () => {
  test('of one interval asks, of two leaves', () => {
    const world = openWorld();
    world.pass(24_999);
    expect(world.did()).toEqual([]);
    world.pass(1);
    expect(world.request()).toMatchObject({ ping: 0 });
    world.pass(24_999);
    expect(world.did()).toEqual([]);
    world.pass(1);
    expect(world.did()).toEqual(['disconnect']);
    expect(world.session.state).toBe('waiting');
  });

  test('frames are signs of life: nothing is asked while they come', () => {
    const world = openWorld();
    for (let i = 0; i < 20; i += 1) {
      world.pass(20_000);
      world.frame({ feed: 99, message: 'tick' });
    }
    expect(world.did()).toEqual([]);
    expect(world.session.state).toBe('open');
  });

  test('an answered ping is a sign too, for as long as it takes', () => {
    const world = openWorld();
    for (let i = 0; i < 10; i += 1) {
      world.pass(25_000);
      world.frame({ id: world.request().id, result: 0 });
    }
    expect(world.session.state).toBe('open');
  });
});

describe('tokens that expire', () => {
  const start = (seconds: number | null) => {
    const world = new World({ token: true });
    world.listen({ subscribe: 'c' });
    world.session.handleToken(world.attempt, 'one', world.now);
    world.hello({ expires: seconds === null ? null : world.now / 1000 + seconds, ping_interval_ms: 1e9 });
    world.did();
    return world;
  };

  test('are replaced in band after four fifths of their time', () => {
    const world = start(100);
    world.pass(79_999);
    expect(world.did()).toEqual([]);
    world.pass(1);
    expect(world.did()).toEqual(['token']);
    world.session.handleToken(world.attempt, 'two', world.now);
    const auth = world.request();
    expect(auth).toMatchObject({ auth: 'two' });
    world.frame({ id: auth.id, result: { user: 'ada', expires: world.now / 1000 + 1000 } });
    expect(world.session.hello).toMatchObject({ user: 'ada', node: 'n1' });
    world.pass(799_999);
    expect(world.did()).toEqual([]);
    world.pass(1);
    expect(world.did()).toEqual(['token']);
    expect(world.session.state).toBe('open');
  });

  test('a clock that is wrong does not make it ask all the time', () => {
    const world = start(-50_000);
    world.pass(4_999);
    expect(world.did()).toEqual([]);
    world.pass(1);
    expect(world.did()).toEqual(['token']);
  });

  test('no new one now: asks again, and the connection goes on', () => {
    const world = start(100);
    world.pass(80_000);
    world.did();
    world.session.handleTokenFailed(world.attempt, new KeywireError('TOKEN', 'offline'), world.now);
    world.pass(16_000);
    expect(world.did()).toEqual(['token']);
    expect(world.session.state).toBe('open');
  });

  test('one that the server refuses in band: asks again', () => {
    const world = start(100);
    world.pass(80_000);
    world.did();
    world.session.handleToken(world.attempt, 'bad', world.now);
    world.frame({ id: world.request().id, error: { code: 'NOAUTH', message: 'no' } });
    expect(world.session.state).toBe('open');
    world.pass(16_000);
    expect(world.did()).toEqual(['token']);
  });

  test('none that expires: never asks', () => {
    const world = start(null);
    world.pass(10_000_000);
    expect(world.did()).toEqual([]);
  });
});

describe('requests', () => {
  test('wait for the connection and go in order', () => {
    const world = new World();
    world.ask({ command: ['SET', 'a', '1'] });
    world.ask({ command: ['GET', 'a'] });
    expect(world.did()).toEqual(['connect']);
    world.hello();
    expect(world.sent().map(request => (request as { command: unknown }).command)).toEqual([['SET', 'a', '1'], ['GET', 'a']]);
  });

  test('are settled by their id, whatever the order, and errors are errors', () => {
    const world = openWorld();
    const [a, b] = [world.ask({ command: ['A'] }), world.ask({ command: ['B'] })];
    const [first, second] = world.sent();
    world.frame({ id: second!.id, error: { code: 'WRONGTYPE', message: 'of another type' } });
    world.frame({ id: first!.id, result: null });
    world.frame({ id: first!.id, result: 'again' });
    expect(a.outcome).toEqual([null]);
    expect(b.outcome).toEqual([new ReplyError('WRONGTYPE', 'of another type')]);
    expect((b.outcome as ReplyError[])[0]).toBeInstanceOf(ReplyError);
  });

  test('on the way when the connection is lost: LOST, since nobody knows; waiting ones go with the next', () => {
    const world = openWorld();
    const sent = world.ask({ command: ['INCR', 'n'] });
    world.closed(1006);
    const waiting = world.ask({ command: ['INCR', 'm'] });
    expect(sent.outcome).toMatchObject({ code: 'LOST', sent: true, closeCode: 1006 });
    expect(sent.outcome).toBeInstanceOf(ConnectionError);
    expect(waiting.outcome).toBeUndefined();
    world.pass(2_000);
    world.did();
    world.hello();
    const request = world.request();
    expect(request).toMatchObject({ command: ['INCR', 'm'] });
    world.frame({ id: request.id, result: 1 });
    expect(waiting.outcome).toEqual([1]);
  });

  test('time out, sent or not', () => {
    const world = openWorld({ timeoutMs: 1_000 });
    const sent = world.ask({ command: ['A'] });
    world.pass(500);
    const later = world.ask({ command: ['B'] });
    world.pass(500);
    expect(sent.outcome).toMatchObject({ code: 'TIMEOUT', sent: true });
    expect(later.outcome).toBeUndefined();
    const [request] = world.sent();
    world.frame({ id: request!.id, result: 'late' });
    world.closed(1006);
    const waiting = world.ask({ command: ['C'] });
    world.random = 1;
    world.pass(1_000);
    expect(waiting.outcome).toMatchObject({ code: 'TIMEOUT', sent: false });
    world.pass(2_000);
    world.hello();
    expect(world.sent()).toEqual([]);
  });

  test('the queue has its limit', () => {
    const world = new World({ queueMax: 2 });
    const asked = ['A', 'B', 'C'].map(name => world.ask({ command: [name] }));
    expect(asked[1]!.outcome).toBeUndefined();
    expect(asked[2]!.outcome).toMatchObject({ code: 'TOOMANY', sent: false });
    world.hello();
    expect(world.sent()).toHaveLength(2);
  });

  test('a batch is one frame, of a hundred at most, and settled as one', () => {
    const world = openWorld();
    const batch = world.ask(...Array.from({ length: 101 }, (_, i) => ({ command: ['ECHO', i] as const })));
    const frames = world.outputs.splice(0).flatMap(output => (output.do === 'send' ? [JSON.parse(output.text)] : []));
    expect(frames).toHaveLength(2);
    expect(frames[0]).toHaveLength(100);
    expect(frames[1]).toMatchObject({ command: ['ECHO', 100] });
    const requests = [...frames[0], frames[1]];
    for (const { id, command } of requests.slice(1)) world.frame({ id, result: command[1] });
    expect(batch.outcome).toBeUndefined();
    world.frame({ id: requests[0].id, error: { code: 'NOPERM', message: 'no' } });
    expect((batch.outcome as unknown[])[0]).toBeInstanceOf(ReplyError);
    expect((batch.outcome as unknown[])[100]).toBe(100);
  });

  test('nothing over message_bytes_max is sent: a batch is divided, one request is TOOBIG', () => {
    const world = openWorld({}, { limits: { message_bytes_max: 100, feeds_max: 1, requests_per_second_max: 0 } });
    const room = 100 - JSON.stringify({ id: 2, command: ['ECHO', ''] }).length;
    const [fits, over] = ['x'.repeat(room), 'x'.repeat(room + 1)];
    world.ask({ command: ['ECHO', fits] });
    expect(world.outputs[0]).toMatchObject({ text: expect.stringMatching(/^.{100}$/) });
    world.outputs = [];
    expect(world.ask({ command: ['ECHO', over] }).outcome).toEqual([new ReplyError('TOOBIG', 'over message_bytes_max')]);
    expect(world.ask({ command: ['ECHO', 'ä'.repeat(room / 2 + 1)] }).outcome).toEqual([new ReplyError('TOOBIG', 'over message_bytes_max')]);
    expect(world.did()).toEqual([]);
    const batch = world.ask({ command: ['ECHO', fits.slice(2)] }, { command: ['ECHO', over] }, { command: ['ECHO', 'c'] });
    const sent = world.sent();
    expect(sent).toHaveLength(2);
    for (const { id } of sent) world.frame({ id, result: 'fine' });
    expect(batch.outcome).toEqual(['fine', new ReplyError('TOOBIG', 'over message_bytes_max'), 'fine']);
    const ear = world.listen({ live: ['GET', `${over} and more`] });
    expect([ear.state, ear.error?.code]).toEqual(['closed', 'TOOBIG']);
  });

  test('an error without an id means that an answer will never come: the connection is made anew', () => {
    const world = openWorld();
    const batch = world.ask({ command: ['A'] }, { command: ['B'] });
    world.frame({ error: { code: 'TOOMANY', message: 'over batch_max' } });
    expect(batch.outcome).toMatchObject({ code: 'LOST', message: 'over batch_max' });
    expect(world.session.state).toBe('waiting');
  });

  test('the end by the program: everything is told, nothing is left', () => {
    const world = openWorld();
    const ear = world.opened(['GET', 'k'], 'v');
    const sent = world.ask({ command: ['A'] });
    world.did();
    world.session.end();
    expect(world.did()).toEqual(['disconnect']);
    expect(sent.outcome).toMatchObject({ code: 'CLOSED', sent: true });
    expect([ear.state, ear.value, ear.error]).toEqual(['closed', 'v', undefined]);
    expect(world.session.nextTimeout()).toBe(Infinity);
    world.session.wake(world.now);
    world.session.handleVisible(true, world.now);
    world.session.end();
    expect(world.did()).toEqual([]);
  });
});
