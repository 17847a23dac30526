// RFC 6902 by its letter, for checking a server's patches: what does not fit the document throws.
//
// Documents are never changed: what lies on a patch's path is copied, the rest is shared, so a mirror may be compared
// with what it was before.

export class PatchError extends Error {}

/** The document after all operations, or an exception, as a patch is applied whole or not at all. */
export function apply(document, operations) {
  if (!Array.isArray(operations)) throw new PatchError('a patch is an array');
  return operations.reduce(applyOne, document);
}

function applyOne(document, operation) {
  const { op, path, from, value } = operation ?? {};
  switch (op) {
    case 'add': need(operation, 'value'); return add(document, pointer(path), value);
    case 'remove': return remove(document, pointer(path));
    case 'replace': need(operation, 'value'); return replace(document, pointer(path), value);
    case 'copy': return add(document, pointer(path), get(document, pointer(from)));
    case 'move': {
      // "The "from" location MUST NOT be a proper prefix of the "path" location" (RFC 6902, 4.4).
      if (path !== from && path.startsWith(`${from}/`)) throw new PatchError(`${from} cannot move into itself`);
      const moved = get(document, pointer(from));
      return add(remove(document, pointer(from)), pointer(path), moved);
    }
    case 'test': {
      need(operation, 'value');
      if (!equal(get(document, pointer(path)), value)) throw new PatchError(`test of ${path} fails`);
      return document;
    }
    default: throw new PatchError(`no such operation: ${JSON.stringify(operation)}`);
  }
}

function need(operation, member) {
  if (!(member in operation)) throw new PatchError(`${operation.op} without ${member}`);
}

/** RFC 6901: the parts of a pointer. */
function pointer(text) {
  if (typeof text !== 'string' || (text !== '' && text[0] !== '/')) throw new PatchError(`not a pointer: ${JSON.stringify(text)}`);
  if (/~(?![01])/.test(text)) throw new PatchError(`not a pointer: ${text}`);
  return text.split('/').slice(1).map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

const isObject = value => value !== null && typeof value === 'object' && !Array.isArray(value);

/** An existing place in an array, or one past its end with `past`. */
function index(array, part, past = false) {
  if (past && part === '-') return array.length;
  if (!/^(0|[1-9]\d*)$/.test(part)) throw new PatchError(`not an index: ${part}`);
  const at = Number(part);
  if (at > array.length - (past ? 0 : 1)) throw new PatchError(`index ${at} of an array of ${array.length}`);
  return at;
}

function step(value, part) {
  if (Array.isArray(value)) return value[index(value, part)];
  if (isObject(value) && Object.hasOwn(value, part)) return value[part];
  throw new PatchError(`there is no ${JSON.stringify(part)}`);
}

const get = (document, parts) => parts.reduce(step, document);

/** A copy of `document` in which `change(container, lastPart)` was done to a copy of the container that the path names. */
function within(document, parts, change) {
  const [part, ...rest] = parts;
  const copy = Array.isArray(document) ? [...document] : isObject(document) ? { ...document } : null;
  if (copy === null) throw new PatchError(`there is nothing at ${JSON.stringify(part)}`);
  if (rest.length === 0) { change(copy, part); return copy; }
  const inner = within(step(copy, part), rest, change);
  if (Array.isArray(copy)) copy[index(copy, part)] = inner; else define(copy, part, inner);
  return copy;
}

/** Also for the name `__proto__`. */
const define = (object, name, value) => Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });

function add(document, parts, value) {
  if (parts.length === 0) return value;
  return within(document, parts, (container, part) => {
    if (Array.isArray(container)) container.splice(index(container, part, true), 0, value); else define(container, part, value);
  });
}

function remove(document, parts) {
  if (parts.length === 0) throw new PatchError('the whole document cannot be removed');
  return within(document, parts, (container, part) => {
    step(container, part);
    if (Array.isArray(container)) container.splice(index(container, part), 1); else delete container[part];
  });
}

function replace(document, parts, value) {
  if (parts.length === 0) return value;
  return within(document, parts, (container, part) => {
    step(container, part);
    if (Array.isArray(container)) container[index(container, part)] = value; else define(container, part, value);
  });
}

/** Equal as JSON: objects without order. */
export function equal(a, b) {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object' || Array.isArray(a) !== Array.isArray(b)) return false;
  if (Array.isArray(a)) return a.length === b.length && a.every((value, i) => equal(value, b[i]));
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every(name => Object.hasOwn(b, name) && equal(a[name], b[name]));
}
