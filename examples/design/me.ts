/** Who sits here. There is no log-in in the demo: an id that the browser keeps, and a name that may be changed. */
import { useState } from 'preact/hooks';

export interface Me { readonly id: string; readonly name: string; readonly hue: number }

const HOW = ['Quiet', 'Brisk', 'Amber', 'Clever', 'Mellow', 'Nimble', 'Sunny', 'Velvet', 'Bold', 'Lucky'];
const WHO = ['Otter', 'Heron', 'Lynx', 'Badger', 'Wren', 'Marten', 'Gecko', 'Falcon', 'Hare', 'Orca'];
const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;

function load(): Me {
  try {
    const kept = JSON.parse(localStorage.getItem('keywire-me') ?? 'null');
    if (kept?.id && kept.name) return kept;
  } catch { /* none, or no storage: somebody new */ }
  const me = { id: Math.random().toString(36).slice(2, 10), name: `${pick(HOW)} ${pick(WHO)}`, hue: Math.floor(Math.random() * 360) };
  keep(me);
  return me;
}

function keep(me: Me): void {
  try { localStorage.setItem('keywire-me', JSON.stringify(me)); } catch { /* for this page only, then */ }
}

let me: Me | undefined;

/** Who I am, and how to change my name. */
export function useMe(): [Me, (name: string) => void] {
  const [shown, show] = useState(() => me ??= load());
  const rename = (name: string) => {
    const trimmed = name.trim().slice(0, 24);
    if (!trimmed) return;
    keep(me = { ...shown, name: trimmed });
    show(me);
  };
  return [shown, rename];
}

export const initials = (name: string): string => name.split(/\s+/).slice(0, 2).map(word => [...word][0] ?? '').join('').toUpperCase();
