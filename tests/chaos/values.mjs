// A server's RESP3 reply as the JSON that docs/protocol.md promises for it ("Values"), written from that text alone.
import { isUtf8 } from 'node:buffer';
import { RespBig, RespDouble, RespError, RespMap, RespSet } from '../blackbox/lib/resp.mjs';

/** Commands whose output has no fixed order: a live query shows it sorted bytewise. */
const UNORDERED = new Set(['HKEYS', 'HVALS', 'SMEMBERS', 'SINTER', 'SUNION', 'SDIFF']);

/** What a live feed of this command shows when the server answers `reply`. */
export function liveValue(command, reply, json) {
  if (reply instanceof RespError) return { error: reply.code };
  const sorted = UNORDERED.has(command[0].toUpperCase()) && Array.isArray(reply) ? Array.from(reply).sort(bytewise) : reply;
  const value = toJson(sorted);
  return { value: json ? parsed(value) : value };
}

const bytewise = (a, b) => (Buffer.isBuffer(a) && Buffer.isBuffer(b) ? Buffer.compare(a, b) : 0);

export function toJson(reply) {
  if (Buffer.isBuffer(reply)) return isUtf8(reply) ? reply.toString() : { $base64: reply.toString('base64') };
  if (reply instanceof RespDouble) return /^-?inf$|^nan$/.test(reply.text) ? { $double: reply.text } : Number(reply.text);
  if (reply instanceof RespBig) return { $int: reply.text };
  if (reply instanceof RespError) return { $error: reply.message };
  if (reply instanceof RespSet) return Array.from(reply).sort(bytewise).map(toJson);
  if (reply instanceof RespMap) return mapToJson(reply);
  if (Array.isArray(reply)) return reply.map(toJson);
  return reply;
}

function mapToJson(map) {
  const names = new Set();
  const plain = map.every(([key]) => {
    const name = toJson(key);
    if (typeof name !== 'string' || name.startsWith('$') || names.has(name)) return false;
    names.add(name);
    return true;
  });
  if (!plain) return { $map: Array.from(map, ([key, value]) => [toJson(key), toJson(value)]) };
  return Object.fromEntries(Array.from(map, ([key, value]) => [toJson(key), toJson(value)]));
}

/** As the option `json`: strings that begin with a bracket and are JSON, at any depth, but not keys. */
export function parsed(value) {
  if (Array.isArray(value)) return value.map(parsed);
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, parsed(inner)]));
  if (typeof value !== 'string' || !/^[{[]/.test(value)) return value;
  try { return JSON.parse(value); } catch { return value; }
}
