/** Splits a command line as redis-cli does: words, 'single' and "double" quotes, escapes in the latter. */
export function split(line: string): string[] {
  const words: string[] = [];
  const token = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\')*)'|([^\s"']+))(?=\s|$)/y;
  const text = line.trim();
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (!match) throw new Error(`unbalanced quotes after ${text.slice(0, at) || 'the beginning'}`);
    words.push(match[1] !== undefined ? unescape(match[1]) : match[2] !== undefined ? match[2].replaceAll("\\'", "'") : match[3]!);
  }
  return words;
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };
const unescape = (text: string): string => text.replace(/\\(x[0-9a-fA-F]{2}|.)/g, (_, what: string) => what.length > 1 ? String.fromCharCode(parseInt(what.slice(1), 16)) : ESCAPES[what] ?? what);
