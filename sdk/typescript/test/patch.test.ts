// Patches: what RFC 6902 says, checked against an applier nobody here wrote; sharing; and that a misfit changes nothing.
import fc from 'fast-check';
import jsonpatch, { type Operation } from 'fast-json-patch';
import { describe, expect, test } from 'vitest';
import type { PatchOp } from '../src/frames.ts';
import { applyPatch, share } from '../src/patch.ts';

const clone = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const key = fc.constantFrom('a', 'b', 'a/b', 'm~n', '', '0', '1', '-', 'length', 'constructor', 'toString');
const { tree } = fc.letrec(tie => ({
  tree: fc.oneof({ maxDepth: 4 },
    fc.constantFrom(null, true, 0, 1, -2.5, '', 'text'),
    fc.array(tie('tree'), { maxLength: 5 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 5 })),
})) as { tree: fc.Arbitrary<unknown> };

const escape = (word: string) => word.replaceAll('~', '~0').replaceAll('/', '~1');
/** All pointers into a value. */
function pointers(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([word, inner]) => pointers(inner, `${at}/${escape(word)}`))];
}

/** A patch that fits, made of a few random choices. */
function patchFor(value: unknown, choices: [number, number, unknown][]): PatchOp[] {
  let now = clone(value);
  return choices.flatMap(([kind, where, item]): PatchOp[] => {
    const all = pointers(now);
    const path = all[where % all.length]!;
    const parent = all.filter(pointer => typeof jsonpatch.getValueByPointer(now, pointer) === 'object' && jsonpatch.getValueByPointer(now, pointer) !== null);
    const inside = parent[where % Math.max(1, parent.length)];
    const place = inside === undefined ? '' : Array.isArray(jsonpatch.getValueByPointer(now, inside)) ? `${inside}/-` : `${inside}/new`;
    const op: PatchOp = kind === 0 && path !== '' ? { op: 'remove', path } : kind === 1 ? { op: 'add', path: place, value: item }
      : kind === 2 && path !== '' && !place.startsWith(path) ? { op: 'move', from: path, path: place } : { op: 'replace', path, value: item };
    if (op.op === 'move') {
      // Taking it out may have moved or taken the place where it should go: not a patch then.
      const rest = jsonpatch.applyPatch(clone(now), [{ op: 'remove', path: op.from }]).newDocument;
      const list = op.path.endsWith('/-');
      const target = pointers(rest).includes(inside!) ? jsonpatch.getValueByPointer(rest, inside!) as unknown : undefined;
      if (typeof target !== 'object' || target === null || Array.isArray(target) !== list) return [];
    }
    now = jsonpatch.applyPatch(now, clone([op]) as Operation[], true, false).newDocument;
    return [op];
  });
}
const choices = fc.array(fc.tuple(fc.nat(3), fc.nat(50), tree), { maxLength: 6 });

describe('applying', () => {
  test('equals an independent applier, and leaves the old value as it was', () => {
    fc.assert(fc.property(tree, choices, (value, chosen) => {
      const patch = patchFor(value, chosen);
      const [before, patchBefore] = [clone(value), clone(patch)];
      const expected = jsonpatch.applyPatch(clone(value), clone(patch) as Operation[], false, true).newDocument;
      expect(applyPatch(value, patch)).toEqual(expected);
      expect(value).toEqual(before);
      expect(patch).toEqual(patchBefore);
    }), { numRuns: 500 });
  });

  test('keeps the identity of every part that no operation was in', () => {
    fc.assert(fc.property(fc.dictionary(fc.constantFrom('x', 'y', 'z'), tree, { minKeys: 1 }), tree, (value, item) => {
      const [touched] = Object.keys(value);
      const after = applyPatch(value, [{ op: 'replace', path: `/${touched}`, value: item }]) as typeof value;
      for (const word of Object.keys(value)) if (word !== touched) expect(after[word] === value[word]).toBe(true);
    }), { numRuns: 100 });
  });

  test.each<[string, unknown, PatchOp]>([
    ['replace of what is not there', { a: 1 }, { op: 'replace', path: '/b', value: 1 }],
    ['remove of what is not there', {}, { op: 'remove', path: '/a' }],
    ['a member that is inherited', {}, { op: 'replace', path: '/toString', value: 1 }],
    ['inside of a string', 'text', { op: 'add', path: '/0', value: 1 }],
    ['inside of null', null, { op: 'add', path: '/a', value: 1 }],
    ['an index beyond the end', [1], { op: 'add', path: '/2', value: 1 }],
    ['replace at the end', [1], { op: 'replace', path: '/1', value: 1 }],
    ['replace of -', [1], { op: 'replace', path: '/-', value: 1 }],
    ['an index with a zero before it', [1, 2], { op: 'remove', path: '/01' }],
    ['an index that is none', [1], { op: 'remove', path: '/length' }],
    ['a negative index', [1], { op: 'remove', path: '/-1' }],
    ['a pointer without a slash', { a: 1 }, { op: 'remove', path: 'a' }],
    ['remove of all', { a: 1 }, { op: 'remove', path: '' }],
    ['an operation that is not spoken', { a: 1 }, { op: 'test', path: '/a', value: 1 } as unknown as PatchOp],
  ])('%s does not fit', (_, value, op) => {
    const before = clone(value);
    expect(() => applyPatch(value, [op])).toThrow('fit');
    expect(value).toEqual(before);
  });

  test('a part that an operation brought is not changed by the next, but replaced', () => {
    const item = { list: [1] };
    const after = applyPatch({}, [{ op: 'add', path: '/a', value: item }, { op: 'add', path: '/a/list/-', value: 2 }]);
    expect(after).toEqual({ a: { list: [1, 2] } });
    expect(item).toEqual({ list: [1] });
  });

  test('a field may be called __proto__', () => {
    const after = applyPatch(JSON.parse('{"a":"1","__proto__":"x"}'), [{ op: 'replace', path: '/__proto__', value: 'y' }, { op: 'replace', path: '/a', value: '2' }]);
    expect(JSON.stringify(after)).toBe('{"a":"2","__proto__":"y"}');
    expect(Object.getPrototypeOf(after)).toBe(Object.prototype);
  });

  test('many operations on a long list copy it once', () => {
    const list = Array.from({ length: 20_000 }, (_, i) => ({ i }));
    const begun = performance.now();
    const after = applyPatch(list, list.map((_, i) => ({ op: 'replace' as const, path: `/${i}/i`, value: -i })) as PatchOp[]) as typeof list;
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect([after[0]!.i, after[19_999]!.i, list[19_999]!.i]).toEqual([-0, -19_999, 19_999]);
  });
});

describe('sharing with a whole value', () => {
  test('equals the new value; equal parts are the old ones', () => {
    fc.assert(fc.property(tree, tree, (last, next) => {
      const [lastBefore, nextBefore] = [clone(last), clone(next)];
      const shared = share(last, next);
      expect(shared).toEqual(nextBefore);
      expect(last).toEqual(lastBefore);
      if (JSON.stringify(lastBefore) === JSON.stringify(nextBefore)) expect(shared === last).toBe(true);
    }), { numRuns: 300 });
  });

  test('an equal value is the old one', () => {
    fc.assert(fc.property(tree, value => { expect(share(value, clone(value)) === value).toBe(true); }), { numRuns: 100 });
  });

  test('parts keep their identity, in objects and lists', () => {
    const last = { same: { a: [1, { b: 2 }] }, list: [{ x: 1 }, { x: 2 }], gone: 1 };
    const next = share(last, { same: { a: [1, { b: 2 }] }, list: [{ x: 1 }, { x: 3 }], come: 1 }) as typeof last;
    expect([next.same === last.same, next.list === last.list, next.list[0] === last.list[0]]).toEqual([true, false, true]);
    expect(next).toEqual({ same: { a: [1, { b: 2 }] }, list: [{ x: 1 }, { x: 3 }], come: 1 });
  });

  test('a list is no object, and one that got shorter is another', () => {
    expect(share({ 0: 1 }, [1])).toEqual([1]);
    expect(share([1, 2], [1])).toEqual([1]);
    expect(share({ a: 1, b: 2 }, { a: 1 })).toEqual({ a: 1 });
  });
});
