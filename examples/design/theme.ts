/** Light, dark, or as the system has it; and the stylesheet's colours, for what is painted on a canvas. */
import { useEffect, useState } from 'preact/hooks';

const system = matchMedia('(prefers-color-scheme: dark)');

export const isDark = (): boolean => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === 'dark' : system.matches;
};

/** The other one, from now on; the system's own choice is not kept, so that it goes on to follow the system. */
export function toggleTheme(): void {
  const wanted = isDark() ? 'light' : 'dark';
  const isSystems = (wanted === 'dark') === system.matches;
  if (isSystems) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  try {
    if (isSystems) localStorage.removeItem('keywire-theme');
    else localStorage.setItem('keywire-theme', wanted);
  } catch { /* for this page only, then */ }
  dispatchEvent(new Event('keywire-theme'));
}

/** Whether it is dark, and again whenever that changes. */
export function useDark(): boolean {
  const [dark, setDark] = useState(isDark);
  useEffect(() => {
    const look = () => setDark(isDark());
    system.addEventListener('change', look);
    addEventListener('keywire-theme', look);
    return () => { system.removeEventListener('change', look); removeEventListener('keywire-theme', look); };
  }, []);
  return dark;
}

let probe: HTMLElement | undefined;

/** A token's colour as it is now, as canvases take it. */
export function colour(token: string): string {
  if (!probe) document.body.append(probe = Object.assign(document.createElement('i'), { hidden: true }));
  probe.style.color = `var(--${token})`;
  return getComputedStyle(probe).color;
}

/** Whether the person wants things to move little. */
export const calm = matchMedia('(prefers-reduced-motion: reduce)');
