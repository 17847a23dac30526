/** Figures as people read them. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes, in units of 1024. */
export function bytes(value: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(value, 1)) / 10), UNITS.length - 1);
  const shown = value / 1024 ** power;
  return `${shown.toFixed(shown < 10 && power > 0 ? 1 : 0)} ${UNITS[power]}`;
}

export const rate = (value: number): string => `${bytes(value)}/s`;

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** A count, short: 12.4k. */
export function count(value: number): string {
  if (value < 10_000) return whole.format(value);
  return value < 1e6 ? `${(value / 1e3).toFixed(1)}k` : `${(value / 1e6).toFixed(1)}M`;
}

export function duration(seconds: number): string {
  const [days, hours, minutes] = [86_400, 3_600, 60].map(unit => Math.floor(seconds / unit)) as [number, number, number];
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.round(seconds)} s`;
}

export const clock = (time: Date): string => time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

export const signed = (value: number): string => `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(2)} %`;

/** A number out of a hash's field, whatever stands there. */
export const number = (text: string | undefined): number => Number(text) || 0;
