/** Helpers for the values that JSON has no way to write. Whoever does not use them does not have them in the bundle. */
import type { Base64 } from './frames.ts';

/** The bytes of a reply's string, whichever way it came. */
export function toBytes(value: string | Base64): Uint8Array {
  return typeof value === 'string' ? new TextEncoder().encode(value) : Uint8Array.from(atob(value.$base64), char => char.charCodeAt(0));
}

/** Bytes as an argument of a command. */
export function fromBytes(bytes: Uint8Array): Base64 {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return { $base64: btoa(binary) };
}

/** An integer reply of any size. */
export function toBigInt(value: number | { $int: string }): bigint {
  return BigInt(typeof value === 'number' ? value : value.$int);
}

/** A double reply: `inf`, `-inf` and `nan` too. */
export function toDouble(value: number | { $double: string }): number {
  if (typeof value === 'number') return value;
  return { inf: Infinity, '-inf': -Infinity }[value.$double] ?? NaN;
}
