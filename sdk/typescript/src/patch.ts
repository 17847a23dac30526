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
  // The value is a member of this: a pointer's words, split, begin with the empty one, and so does its way from here.
  const root = { '': value };
  // Containers made by this patch: they are nobody else's yet and may be changed in place.
  const own = new Set<unknown>();

  /** Makes every container on the way our own, and has the last one changed. */
  const edit = <T>(path: string, change: (node: Container, word: string) => T): T => {
    const words = path.split('/').map(word => word.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = words.pop()!;
    if (/^[^/]/.test(path)) misfit();
    let node: Container = root;
    for (const word of words) {
      let inner = get(node, word);
      if (!own.has(inner)) {
        inner = Array.isArray(inner) ? [...inner as unknown[]] : isObject(inner) ? { ...inner } : misfit();
        own.add(inner);
        set(node, word, inner);
      }
      node = inner as Container;
    }
    return change(node, last);
  };
  const add = (path: string, item: unknown) => edit(path, (node, word) => {
    if (Array.isArray(node)) node.splice(word === '-' ? node.length : index(word, node.length + 1), 0, item);
    else set(node, word, item);
  });
  const remove = (path: string) => edit(path, (node, word) => {
    const removed = get(node, word);
    if (Array.isArray(node)) node.splice(Number(word), 1); else delete node[word];
    return removed;
  });
  const replace = (path: string, item: unknown) => edit(path, (node, word) => {
    get(node, word);
    set(node, word, item);
  });

  for (const op of patch) {
    if (op.op === 'add') add(op.path, op.value);
    else if (op.op === 'remove') remove(op.path);
    else if (op.op === 'replace') replace(op.path, op.value);
    else if (op.op === 'move') add(op.path, remove(op.from));
    else misfit();
  }
  return get(root, '');
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
  throw new Error('does not fit');
}
