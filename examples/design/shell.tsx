/** The frame of every page: where one is, whether it is live, the code behind it, light or dark. */
import { render, type ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { connect } from 'keywire';
import { KeywireProvider, useConnection } from 'keywire/react';
import { Code } from './code.tsx';
import * as icon from './icons.tsx';
import { toggleTheme, useDark } from './theme.ts';
import './base.css';

export type App = 'index' | 'chat' | 'monitoring' | 'quotes' | 'game';

export const APPS = [
  { id: 'chat', name: 'Chat', icon: icon.Chat },
  { id: 'monitoring', name: 'Monitoring', icon: icon.Pulse },
  { id: 'quotes', name: 'Quotes', icon: icon.Candles },
  { id: 'game', name: 'Arena', icon: icon.Ship },
] as const;

/** Puts a page on the screen, with its connection. `code` is the source of its `live.ts`. */
export function start(app: App, code: string, Page: () => ComponentChildren): void {
  const root = app === 'index' ? './' : '../';
  const client = connect(`${root}ws`);
  const page = <Shell app={app} root={root} code={code}><Page /></Shell>;
  // The binding's types are React's, its children here are Preact's.
  render(<KeywireProvider client={client}>{page as never}</KeywireProvider>, document.getElementById('app')!);
}

function Shell({ app, root, code, children }: { app: App; root: string; code: string; children: ComponentChildren }) {
  const dark = useDark();
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <a class="skip" href="#main">Skip to content</a>
      <header class="bar">
        <a class="brand" href={root} aria-label="keywire, all applications"><icon.Mark />keywire</a>
        <nav class="tabs" aria-label="Applications">
          {APPS.map(({ id, name, icon: Icon }) => (
            <a key={id} href={`${root}${id}/`} aria-current={id === app ? 'page' : undefined}><Icon />{name}</a>
          ))}
        </nav>
        <Connection />
        <button class="icon-button" type="button" id="code" onClick={() => dialog.current?.showModal()} aria-label="The code of this page" title="The code"><icon.Code /></button>
        <button class="icon-button" type="button" id="theme" onClick={toggleTheme} aria-label={dark ? 'Light theme' : 'Dark theme'} title={dark ? 'Light' : 'Dark'}>{dark ? <icon.Sun /> : <icon.Moon />}</button>
      </header>
      <main id="main" class={`app ${app}`} tabIndex={-1}>{children}</main>
      <dialog ref={dialog} aria-labelledby="code-title" onClick={event => { if (event.target === event.currentTarget) event.currentTarget.close(); }}>
        <div class="sheet-head">
          <h2 id="code-title">All of its keywire code</h2>
          <a href={`${root}source/${app}/main.tsx`}>main.tsx</a>
          {app !== 'index' && <a href={`${root}source/${app}/README.md`}>README</a>}
          <button class="icon-button" type="button" aria-label="Close" onClick={() => dialog.current?.close()}><icon.Close /></button>
        </div>
        <div class="sheet-body">
          <p>Everything that this page and Redis have to do with one another: <code>examples/{app}/live.ts</code>, {lines(code)} lines. The rest only draws.</p>
          <Code text={code} />
        </div>
      </dialog>
    </>
  );
}

/** Lines of code: neither empty nor a comment. */
const lines = (code: string): number => code.split('\n').filter(line => !/^\s*($|\/\/|\/?\*)/.test(line)).length;

/** Whether what is shown is live; counts down to the next attempt. */
function Connection() {
  const { state, retryAt } = useConnection();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    document.body.dataset.connection = state;
    if (state !== 'waiting') return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [state]);
  const left = Math.ceil(((retryAt ?? now) - now) / 1000);
  const told = { idle: 'connecting', connecting: 'connecting', open: 'live', waiting: 'reconnecting', paused: 'paused', closed: 'disconnected' }[state];
  return (
    <p class="connection" data-state={state}>
      <i aria-hidden="true" />
      <span role="status" id="connection">{told}</span>
      {state === 'waiting' && left > 0 && <span class="num" aria-hidden="true">{left} s</span>}
    </p>
  );
}
