// What commands answer, as the compiler sees it. The checks are done by `npm run types`; running it only shows that it compiles.
import { expect, expectTypeOf, test } from 'vitest';
import type { Client, LiveFeed, Reply, ReplyError } from '../src/index.ts';

declare const kw: Client;
declare const key: string;

test('replies by command and options', () => {
  expectTypeOf<Reply<['GET', 'k']>>().toEqualTypeOf<string | null>();
  expectTypeOf<Reply<['get', 'k']>>().toEqualTypeOf<string | null>();
  expectTypeOf<Reply<['SET', 'k', 'v']>>().toEqualTypeOf<'OK'>();
  expectTypeOf<Reply<['SET', 'k', 'v', 'nx']>>().toEqualTypeOf<'OK' | null>();
  expectTypeOf<Reply<['SET', string, 'v', 'GET']>>().toEqualTypeOf<string | null>();
  expectTypeOf<Reply<['ZRANGE', string, 0, -1]>>().toEqualTypeOf<string[]>();
  expectTypeOf<Reply<['ZRANGE', string, 0, -1, 'REV', 'withscores']>>().toEqualTypeOf<[member: string, score: number][]>();
  expectTypeOf<Reply<['LPOP', 'l']>>().toEqualTypeOf<string | null>();
  expectTypeOf<Reply<['LPOP', 'l', 2]>>().toEqualTypeOf<string[] | null>();
  expectTypeOf<Reply<['PING']>>().toEqualTypeOf<'PONG'>();
  expectTypeOf<Reply<['PING', 'x']>>().toEqualTypeOf<string>();
  expectTypeOf<Reply<['MY.COMMAND', 'x']>>().toEqualTypeOf<unknown>();
});

test('the calls infer them', () => {
  const unused = () => {
    expectTypeOf(kw.live(['HGETALL', key])).toEqualTypeOf<LiveFeed<Record<string, string>>>();
    expectTypeOf(kw.live(['GET', key], { every: 100 })).toEqualTypeOf<LiveFeed<string | null>>();
    expectTypeOf(kw.live<{ a: number }>(['GET', key], { json: true })).toEqualTypeOf<LiveFeed<{ a: number }>>();
    expectTypeOf(kw.live(['HGETALL', key], { json: true }).value).toBeNullable();
    expectTypeOf(kw.command(['INCR', key])).resolves.toEqualTypeOf<number>();
    expectTypeOf(kw.command<string[]>(['MY.LIST'])).resolves.toEqualTypeOf<string[]>();
    expectTypeOf(kw.batch([['INCR', key], ['GET', key]])).resolves.toEqualTypeOf<[number | ReplyError, string | null | ReplyError]>();
    // @ts-expect-error a command is an array
    void kw.command('GET k');
    // @ts-expect-error null is no argument
    void kw.command(['GET', null]);
  };
  expect(unused).toBeTypeOf('function');
});
