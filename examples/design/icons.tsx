/** Icons: 24 units square, drawn with the text's colour. */
import type { ComponentChildren } from 'preact';

const Icon = ({ children }: { children: ComponentChildren }) => (
  <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{children}</svg>
);

export const Mark = () => <svg viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M3 18h6l4-10 5.500 16 3.500-9H29" /></svg>;
export const Chat = () => <Icon><path d="M20.500 11.500a7.500 7.500 0 0 1-10.900 6.700L4 19.500l1.500-4.600A7.500 7.500 0 1 1 20.500 11.500Z" /></Icon>;
export const Pulse = () => <Icon><path d="M3 12.500h4l2.500-7 4.500 13 2.500-6H21" /></Icon>;
export const Candles = () => <Icon><path d="M7 3v4m0 9v5M17 3v6m0 7v5" /><rect x="4.500" y="7" width="5" height="9" rx="1" /><rect x="14.500" y="9" width="5" height="7" rx="1" /></Icon>;
export const Ship = () => <Icon><path d="M12 3 19 20l-7-3.500L5 20Z" /></Icon>;
export const Code = () => <Icon><path d="m8 7-5 5 5 5m8-10 5 5-5 5M13.500 5l-3 14" /></Icon>;
export const Sun = () => <Icon><circle cx="12" cy="12" r="4" /><path d="M12 2.500v2m0 15v2m9.500-9.500h-2m-15 0h-2m16.200-6.700-1.400 1.400M6.700 17.300l-1.400 1.400m13.400 0-1.400-1.400M6.700 6.700 5.300 5.300" /></Icon>;
export const Moon = () => <Icon><path d="M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500Z" /></Icon>;
export const Close = () => <Icon><path d="m6 6 12 12M18 6 6 18" /></Icon>;
export const Send = () => <Icon><path d="M5 12h13m-5.500-6 6 6-6 6" /></Icon>;
export const Plus = () => <Icon><path d="M12 5v14M5 12h14" /></Icon>;
export const Search = () => <Icon><circle cx="11" cy="11" r="6.500" /><path d="m16 16 4.500 4.500" /></Icon>;
export const Star = ({ on }: { on: boolean }) => <svg viewBox="0 0 24 24" fill={on ? 'currentColor' : 'none'} stroke="currentColor" stroke-width="1.800" stroke-linejoin="round" aria-hidden="true"><path d="m12 3.500 2.600 5.500 6 .8-4.400 4.200 1.100 6-5.300-2.900L6.700 20l1.100-6-4.400-4.200 6-.8Z" /></svg>;
export const Arrow = () => <Icon><path d="M7 17 17 7m-8 0h8v8" /></Icon>;
