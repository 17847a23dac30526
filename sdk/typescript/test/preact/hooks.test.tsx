// The same binding under Preact: `react` is `preact/compat` here.
import { render } from 'preact';
import { act } from 'preact/test-utils';
import * as compat from 'preact/compat';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { useState } from 'react';
import { connect, type Client } from '../../src/index.ts';
import { KeywireProvider, useChannel, useConnection, useLive, useStream } from '../../src/react.ts';
import { FakeServer } from '../lib/fake.ts';
import { until } from '../lib/server.ts';

/* @jsxImportSource preact */
let server: FakeServer;
let client: Client;
let root: HTMLElement;
beforeEach(() => {
  server = new FakeServer();
  client = connect('ws://host/ws', { WebSocket: server.WebSocket, lingerMs: 10 });
  root = document.createElement('main');
  document.body.append(root);
});
afterEach(() => {
  act(() => render(null, root));
  client.close();
  root.remove();
});

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- React's types of what Preact renders
const Provider = KeywireProvider as any, Suspense = compat.Suspense as any;

function All() {
  const { value, state } = useLive(['GET', 'k']);
  const { entries } = useStream('s', { from: '0' });
  const { last } = useChannel('c');
  const connection = useConnection();
  return <p>{`${state} ${value} ${entries.length} ${last} ${connection.state}`}</p>;
}

test('react is Preact here', () => {
  expect(useState).toBe(compat.useState);
});

test('all hooks, their changes, and the end', async () => {
  server.values.set('k', 'one');
  act(() => render(<Provider client={client}><All /></Provider>, root));
  expect(root.textContent).toBe('loading undefined 0 undefined connecting');
  await until(() => root.textContent === 'live one 0 undefined open', () => root.textContent!);
  server.set('k', 'two');
  server.frame('s', { entries: [['1-0', {}]] });
  server.frame('c', { message: 'hello' });
  await until(() => root.textContent === 'live two 1 hello open', () => root.textContent!);
  act(() => render(null, root));
  await until(() => server.requests('close').length === 3);
});

test('Suspense', async () => {
  server.values.set('k', 'one');
  const Suspended = () => <p>{String(useLive(['GET', 'k'], { suspense: true }).value)}</p>;
  act(() => render(<Provider client={client}><Suspense fallback={<p>wait</p>}><Suspended /></Suspense></Provider>, root));
  expect(root.textContent).toBe('wait');
  await until(() => root.textContent === 'one', () => root.textContent!);
  server.set('k', 'two');
  await until(() => root.textContent === 'two', () => root.textContent!);
});
