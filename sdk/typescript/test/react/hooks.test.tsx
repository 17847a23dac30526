// The hooks in React's own tools: mounting, StrictMode, Suspense, changing keys, server rendering and hydration.
import { act, cleanup, render, screen } from '@testing-library/react';
import { Component, StrictMode, Suspense, useState, type ReactNode } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect, type Client } from '../../src/index.ts';
import { KeywireProvider, useChannel, useClient, useConnection, useLive, useStream } from '../../src/react.ts';
import { FakeServer } from '../lib/fake.ts';

let server: FakeServer;
let client: Client;
beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  server = new FakeServer();
  client = connect('ws://host/ws', { WebSocket: server.WebSocket });
});
afterEach(() => {
  cleanup();
  client.close();
  vi.useRealTimers();
});

const show = (ui: ReactNode) => render(<KeywireProvider client={client}>{ui}</KeywireProvider>);
const text = (id: string) => screen.getByTestId(id).textContent;
/** Lets what the server does arrive. */
const settle = (change: () => void = () => {}) => act(async () => { change(); await vi.advanceTimersByTimeAsync(20); });

function Value({ name, id = name }: { name: string; id?: string }) {
  const { value, state, error } = useLive(['GET', name]);
  return <p data-testid={id}>{`${state} ${String(value)} ${error?.code ?? ''}`.trim()}</p>;
}

describe('useLive', () => {
  test('loading, then the value, then its changes', async () => {
    server.values.set('k', 'one');
    show(<Value name="k" />);
    expect(text('k')).toBe('loading undefined');
    await settle();
    expect(text('k')).toBe('live one');
    await settle(() => server.set('k', 'two'));
    expect(text('k')).toBe('live two');
    await settle(() => server.drop());
    expect(text('k')).toBe('stale two');
  });

  test('two components with one feed; unmounted, it is closed', async () => {
    const { unmount } = show(<><Value name="k" id="a" /><Value name="k" id="b" /></>);
    await settle();
    expect(server.requests('live')).toHaveLength(1);
    unmount();
    await settle(() => vi.advanceTimersByTime(1_500));
    expect(server.requests('close')).toHaveLength(1);
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1); // the connection's own
  });

  test('StrictMode mounts twice: still one opening and no closing', async () => {
    server.values.set('k', 'one');
    show(<StrictMode><Value name="k" /></StrictMode>);
    await settle(() => vi.advanceTimersByTime(2_000));
    expect(text('k')).toBe('live one');
    expect([server.requests('live').length, server.requests('close').length]).toEqual([1, 0]);
  });

  test('another key: another feed, never the old value under the new name', async () => {
    server.values.set('a', 'value of a').set('b', 'value of b');
    let change!: (name: string) => void;
    const seen: string[] = [];
    function Switch() {
      const [name, setName] = useState('a');
      change = setName;
      const { value } = useLive(['GET', name]);
      seen.push(`${name}: ${value}`);
      return null;
    }
    show(<Switch />);
    await settle();
    await settle(() => change('b'));
    await settle();
    expect(seen.at(-1)).toBe('b: value of b');
    expect(seen).not.toContain('b: value of a');
    await settle(() => vi.advanceTimersByTime(1_500));
    expect(server.requests('close')).toHaveLength(1);
  });

  test('an equal command in a new array is the same feed', async () => {
    let again!: () => void;
    function Again() {
      const [n, setN] = useState(0);
      again = () => setN(n + 1);
      useLive(['GET', 'k'], { every: 100 });
      return null;
    }
    show(<Again />);
    await settle();
    for (let i = 0; i < 5; i += 1) await settle(() => again());
    expect(server.sent).toHaveLength(1);
  });

  test('a component is not rendered again for what it does not show', async () => {
    const renders = { list: 0, row: 0 };
    server.values.set('k', [{ n: 1 }, { n: 2 }]);
    const rows: unknown[] = [];
    function List() {
      const { value } = useLive<{ n: number }[]>(['GET', 'k'], { json: true });
      renders.list += 1;
      rows.push(value?.[0]);
      return null;
    }
    show(<List />);
    await settle();
    await settle(() => server.patch('k', [{ op: 'replace', path: '/1/n', value: 3 }]));
    expect(rows.at(-1)).toEqual({ n: 1 });
    expect(rows.at(-1) === rows.at(-2)).toBe(true);
    const { list } = renders;
    await settle(() => server.set('other', 'x'));
    expect(renders.list).toBe(list);
  });

  test('skip listens to nothing', async () => {
    function Skipped({ skip }: { skip: boolean }) { return <p data-testid="s">{useLive(['GET', 'k'], { skip }).state}</p>; }
    const { rerender } = show(<Skipped skip />);
    await settle();
    expect([text('s'), server.sent.length]).toEqual(['loading', 0]);
    rerender(<KeywireProvider client={client}><Skipped skip={false} /></KeywireProvider>);
    await settle();
    expect(text('s')).toBe('live');
  });

  test('a refusal is shown', async () => {
    server.refuse.set('k', 'NOPERM');
    show(<Value name="k" />);
    await settle();
    expect(text('k')).toBe('closed undefined NOPERM');
  });

  test('without a provider it says what is missing', () => {
    class Caught extends Component<{ children: ReactNode }, { message?: string }> {
      override state: { message?: string } = {};
      static getDerivedStateFromError(error: Error) { return { message: error.message }; }
      override render() { return this.state.message ?? this.props.children; }
    }
    const silent = vi.spyOn(console, 'error').mockImplementation(() => {});
    const { container } = render(<Caught><Value name="k" /></Caught>);
    expect(container.textContent).toContain('KeywireProvider');
    silent.mockRestore();
  });
});

describe('Suspense', () => {
  function Suspended({ name }: { name: string }) {
    const { value, error } = useLive(['GET', name], { suspense: true });
    return <p data-testid="v">{error ? error.code : String(value)}</p>;
  }

  test('waits for the value, opens once, and goes on with its changes', async () => {
    server.values.set('k', 'one');
    server.delayed = true;
    show(<StrictMode><Suspense fallback={<p data-testid="wait">…</p>}><Suspended name="k" /></Suspense></StrictMode>);
    await settle();
    expect(screen.queryByTestId('v')).toBe(null);
    expect(text('wait')).toBe('…');
    await settle(() => server.release());
    expect(text('v')).toBe('one');
    await settle(() => vi.advanceTimersByTime(5_000));
    await settle(() => server.set('k', 'two'));
    expect(text('v')).toBe('two');
    expect([server.requests('live').length, server.requests('close').length]).toEqual([1, 0]);
  });

  test('an error ends the waiting too', async () => {
    server.refuse.set('k', 'NOPERM');
    show(<Suspense fallback={<p>…</p>}><Suspended name="k" /></Suspense>);
    await settle();
    expect(text('v')).toBe('NOPERM');
  });

  test('a component that never comes back leaves nothing open', async () => {
    server.delayed = true;
    const { unmount } = show(<Suspense fallback={null}><Suspended name="k" /></Suspense>);
    await settle();
    unmount();
    await settle(() => server.release());
    await settle(() => vi.advanceTimersByTime(10_000));
    expect(server.requests('close')).toHaveLength(1);
  });
});

describe('on a server', () => {
  function Page() {
    const live = useLive(['GET', 'k']);
    const { entries } = useStream('s');
    const { messages } = useChannel('c');
    const connection = useConnection();
    return <p data-testid="page">{`${live.state} ${String(live.value)} ${entries.length} ${messages.length} ${connection.state}`}</p>;
  }

  test('everything is loading, and nothing is opened', () => {
    const html = renderToString(<KeywireProvider client={client}><Page /></KeywireProvider>);
    expect(html).toContain('loading undefined 0 0 idle');
    expect(server.sockets).toBe(0);
  });

  test('with suspense, the fallback is what a server renders, and nothing is opened', () => {
    const Suspended = () => <p>{String(useLive(['GET', 'k'], { suspense: true }).value)}</p>;
    vi.stubGlobal('window', undefined);
    const html = renderToString(<KeywireProvider client={client}><Suspense fallback={<p>wait</p>}><Suspended /></Suspense></KeywireProvider>);
    vi.unstubAllGlobals();
    expect(html).toContain('<p>wait</p>');
    expect(server.sockets).toBe(0);
  });

  test('hydration begins with the same and then shows the value, without a complaint', async () => {
    server.values.set('k', 'one');
    const element = <KeywireProvider client={client}><Page /></KeywireProvider>;
    const container = document.createElement('div');
    document.body.append(container);
    container.innerHTML = renderToString(element);
    // It is known already when the page hydrates.
    const early = client.live(['GET', 'k']);
    await vi.advanceTimersByTimeAsync(20);
    expect(early.value).toBe('one');
    const complaints = vi.spyOn(console, 'error');
    const root = await act(async () => hydrateRoot(container, element));
    await settle();
    expect(container.textContent).toBe('live one 0 0 open');
    expect(complaints).not.toHaveBeenCalled();
    complaints.mockRestore();
    act(() => root.unmount());
    container.remove();
  });
});

describe('the other hooks', () => {
  test('useStream: entries, gaps, and events by the newest function', async () => {
    const heard: string[] = [];
    let setLabel!: (label: string) => void;
    function Log() {
      const [label, set] = useState('first');
      setLabel = set;
      const { entries, gaps, state } = useStream('s', { from: '0', keep: 2, onEvent: event => heard.push(`${label} ${Object.keys(event)[0]}`) });
      return <p data-testid="log">{`${state} ${entries.map(([id]) => id).join(',')} ${gaps.length}`}</p>;
    }
    show(<Log />);
    await settle();
    await settle(() => server.frame('s', { entries: [['1-0', {}], ['2-0', {}], ['3-0', {}]] }));
    expect(text('log')).toBe('live 2-0,3-0 0');
    await settle(() => setLabel('second'));
    await settle(() => server.frame('s', { gap: { after: '3-0', first: null } }));
    expect(text('log')).toBe('live 2-0,3-0 1');
    expect(heard).toEqual(['first entries', 'second gap']);
    expect(server.requests('follow')).toHaveLength(1);
  });

  test('useChannel: messages, the last one, losses; a pattern with channels', async () => {
    function News() {
      const { messages, last, missed } = useChannel('news', { keep: 2 });
      const all = useChannel('n*', { pattern: true });
      return <p data-testid="news">{`${messages.join(',')} ${last} ${missed} ${all.last?.channel}/${all.last?.message}`}</p>;
    }
    show(<News />);
    await settle();
    await settle(() => { for (const message of ['a', 'b', 'c']) server.frame('news', { message }); });
    await settle(() => server.frame('n*', { channel: 'nix', message: 'x' }));
    expect(text('news')).toBe('b,c c 0 nix/x');
    await settle(() => server.frame('news', { missed: 3 }));
    expect(text('news')).toBe('b,c c 3 nix/x');
  });

  test('useConnection and useClient', async () => {
    function Status() {
      const { state, user } = useConnection();
      const kw = useClient();
      return <button type="button" data-testid="status" onClick={() => void kw.live(['GET', 'k'])}>{`${state} ${user ?? ''}`}</button>;
    }
    show(<Status />);
    expect(text('status')).toBe('idle ');
    await settle(() => screen.getByTestId('status').click());
    expect(text('status')).toBe('open anonymous');
    await settle(() => server.drop(4004));
    expect(text('status')).toBe('closed anonymous');
  });
});
