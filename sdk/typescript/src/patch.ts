/**
 * Values as immutable trees. A patch makes a new tree that shares with the old one whatever it did not touch, so that
 * `===` tells a renderer what to skip; a whole value that replaces another is compared with it to the same end.
 *
 * A patch either fits as a whole or throws, and the old value is what it was in both cases.
 */
import type { PatchOp } from './frames.ts';

type Container = Record<string, unknown> | unknown[];

/**
 * The value after an RFC 6902 patch of `add`, `remove`, `replace` and `move`. Throws if an operation does not fit or is another:
 * a feed is then opened anew.
 */
export function applyPatch(value: unknown, patch: readonly PatchOp[]): unknown {
  // Containers made by this patch: they are nobody else's yet and may be changed in place.
  const own = new Set<unknown>();
  let root: unknown = value;

  const mine = (node: unknown): Container => {
    if (own.has(node)) return node as Container;
    const copy = Array.isArray(node) ? [...node] : isObject(node) ? { ...node } : misfit();
    own.add(copy);
    return copy;
  };

  /** Makes every container on the way to the pointer's last word our own; returns the last one. */
  const parent = (words: string[]): Container => {
    let node: Container = root = mine(root) as Container;
    for (const word of words.slice(0, -1)) {
      const inner = mine(get(node, word));
      set(node, word, inner);
      node = inner;
    }
    return node;
  };

  const put = (path: string, item: unknown, replace: boolean): void => {
    const words = parse(path);
    if (words.length === 0) { root = item; return; }
    const node = parent(words);
    const word = words.at(-1)!;
    if (replace) get(node, word);
    if (Array.isArray(node) && !replace) node.splice(word === '-' ? node.length : index(word, node.length + 1), 0, item);
    else set(node, word, item);
  };

  const remove = (path: string): unknown => {
    const words = parse(path);
    if (words.length === 0) misfit();
    const node = parent(words);
    const word = words.at(-1)!;
    const removed = get(node, word);
    if (Array.isArray(node)) node.splice(Number(word), 1); else delete node[word];
    return removed;
  };

  for (const op of patch) {
    switch (op.op) {
      case 'add': put(op.path, op.value, false); break;
      case 'replace': put(op.path, op.value, true); break;
      case 'remove': remove(op.path); break;
      case 'move': put(op.path, remove(op.from), false); break;
      default: misfit();
    }
  }
  return root;
}

/**
 * `next`, with every part that equals the part of `last` at the same place replaced by that; `last` itself if all does. Changes
 * `next`, which nobody else may hold yet.
 */
export function share(last: unknown, next: unknown): unknown {
  if (last === next || !isObject(last) || !isObject(next) || Array.isArray(last) !== Array.isArray(next)) return next;
  const words = Object.keys(next);
  let isSame = words.length === Object.keys(last).length;
  for (const word of words) {
    const was = Object.hasOwn(last, word) ? last[word] : undefined;
    const kept = share(was, next[word]);
    isSame &&= kept === was;
    set(next, word, kept);
  }
  return isSame ? last : next;
}

const isObject = (node: unknown): node is Record<string, unknown> => typeof node === 'object' && node !== null;

/** A JSON Pointer's words. */
function parse(pointer: string): string[] {
  if (pointer === '') return [];
  if (pointer[0] !== '/') misfit();
  return pointer.slice(1).split('/').map(word => word.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** An index below `end`, in the one way RFC 6901 writes it. */
function index(word: string, end: number): number {
  return /^(0|[1-9]\d*)$/.test(word) && Number(word) < end ? Number(word) : misfit();
}

function get(node: unknown, word: string): unknown {
  if (Array.isArray(node)) return node[index(word, node.length)];
  return isObject(node) && Object.hasOwn(node, word) ? node[word] : misfit();
}

/** Sets a member, also one named `__proto__`, which an assignment would take for something else. */
function set(node: Container, word: string, value: unknown): void {
  if (word === '__proto__') Object.defineProperty(node, word, { value, writable: true, enumerable: true, configurable: true });
  else (node as Record<string, unknown>)[word] = value;
}

function misfit(): never {
  throw new Error('the patch does not fit');
}
