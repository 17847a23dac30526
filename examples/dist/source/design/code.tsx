/** Source code with comments, strings and keywords marked. */
const TOKEN = /(\/\*[^]*?\*\/|\/\/.*)|('(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\b(import|export|from|const|let|for|of|if|return|await|async|function|type|interface|new|as)\b/g;
const KINDS = ['', 'comment', 'string', 'word'];

export function Code({ text, label = 'Code' }: { text: string; label?: string }) {
  const parts = [];
  let at = 0;
  for (const match of text.trim().matchAll(TOKEN)) {
    const kind = KINDS.findIndex((name, index) => name && match[index] !== undefined);
    parts.push(text.trim().slice(at, match.index), <span class={KINDS[kind]}>{match[0]}</span>);
    at = match.index + match[0].length;
  }
  parts.push(text.trim().slice(at));
  return <pre class="code" tabIndex={0} role="region" aria-label={label}><code>{parts}</code></pre>;
}
