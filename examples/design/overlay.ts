/** A part of the page that lies over the rest on narrow screens: its button with the class `close` has the focus, Escape closes it. */
import type { RefObject } from 'preact';
import { useLayoutEffect } from 'preact/hooks';

export function useOverlay(panel: RefObject<HTMLElement | null>, isOpen: boolean, close: () => void): void {
  useLayoutEffect(() => {
    if (!isOpen) return;
    const before = document.activeElement;
    // Where the panel is beside the rest the button is not shown, and this does nothing.
    panel.current?.querySelector<HTMLElement>('.close')?.focus();
    const onKey = (event: KeyboardEvent) => { if (event.key === 'Escape') close(); };
    addEventListener('keydown', onKey);
    return () => {
      removeEventListener('keydown', onKey);
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, [isOpen]);
}
