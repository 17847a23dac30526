// The README's recipes for Svelte and Vue, with their own libraries.
import { get, readable } from 'svelte/store';
import { effectScope, onScopeDispose, shallowRef, watchSyncEffect, type ShallowRef } from 'vue';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect, type Client, type Feed, type Snapshot } from '../src/index.ts';
import { FakeServer } from './lib/fake.ts';
import { sleep, until } from './lib/server.ts';

let server: FakeServer;
let kw: Client;
beforeEach(() => {
  server = new FakeServer();
  kw = connect('ws://host/ws', { WebSocket: server.WebSocket, lingerMs: 10 });
  server.values.set('k', 'one');
});
afterEach(() => kw.close());

test('Svelte: a feed is a store, and its state can be one', async () => {
  const counter = kw.live(['GET', 'k']);
  const state = readable(counter.state, set => counter.onChange(() => set(counter.state)));
  const seen: unknown[] = [];
  const stops = [counter.subscribe(value => seen.push(value)), state.subscribe(now => seen.push(now))];
  await until(() => get(counter) === 'one' && seen.includes('live'));
  server.set('k', 'two');
  await until(() => seen.at(-1) === 'two');
  stops.forEach(stop => stop());
  await until(() => server.requests('close').length === 1);
});

function useFeed<Value>(feed: Feed<Value, unknown>): ShallowRef<Snapshot<Value>> {
  const shown = shallowRef(feed.snapshot);
  onScopeDispose(feed.onChange(() => { shown.value = feed.snapshot; }));
  return shown;
}

test('Vue: a ref of the snapshot, which ends with its scope', async () => {
  const scope = effectScope();
  const seen: string[] = [];
  scope.run(() => {
    const cart = useFeed(kw.live(['GET', 'k'], { lazy: true }));
    watchSyncEffect(() => { seen.push(`${cart.value.state} ${cart.value.value}`); });
  });
  await until(() => seen.at(-1) === 'live one');
  server.set('k', 'two');
  await until(() => seen.at(-1) === 'live two');
  scope.stop();
  await until(() => server.requests('close').length === 1);
  server.set('k', 'three');
  await sleep(10);
  expect(seen).toEqual(['loading undefined', 'live one', 'live two']);
});
