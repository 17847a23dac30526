// Makes a site of the pages that are read on their own: `npm run build`, then docs/site/dist/index.html, which any web server, or
// none, can show. It is also the check of all links: one that leads nowhere, in these pages or in those of the root, fails it, as
// does a page of docs that is not listed here.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Marked } from 'marked';

const root = path.join(import.meta.dirname, '../..');
const dist = path.join(import.meta.dirname, 'dist');

/** What is on the site: the file, its address, and what it is called in the margin. */
const PAGES = [
  ['docs/README.md', 'index', 'keywire'],
  ['docs/quick-start.md', 'quick-start', 'Quick start'],
  ['docs/recipes.md', 'recipes', 'Recipes'],
  ['sdk/typescript/README.md', 'sdk', 'TypeScript SDK'],
  ['docs/sdk-api.md', 'sdk-api', 'API of the SDK'],
  ['docs/protocol.md', 'protocol', 'The protocol'],
  ['docs/redis.md', 'redis', 'Redis and Valkey'],
  ['docs/store.md', 'store', 'The embedded store'],
  ['docs/auth.md', 'auth', 'Who may do what'],
  ['docs/operations.md', 'operations', 'Running it'],
  ['docs/settings.md', 'settings', 'Settings'],
  ['examples/README.md', 'examples', 'The applications'],
  ['examples/chat/README.md', 'chat', 'Chat'],
  ['examples/monitoring/README.md', 'monitoring', 'Monitoring'],
  ['examples/quotes/README.md', 'quotes', 'Quotes'],
  ['examples/game/README.md', 'game', 'Arena'],
];
const checkedOnly = readdirSync(root).filter(name => name.endsWith('.md')).concat('sdk/contract/README.md');
const address = new Map(PAGES.map(([file, name]) => [file, `${name}.html`]));
const problems = readdirSync(path.join(root, 'docs')).filter(name => name.endsWith('.md') && !address.has(`docs/${name}`)).map(name => `docs/${name} is not on the site`);
/** Files that pages link to: shown as they are. */
const sources = new Set();

const read = file => readFileSync(path.join(root, file), 'utf8');
const escape = text => text.replace(/[&<>"]/g, char => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[char]);

/** Names a heading as GitHub does. */
function slugger() {
  const taken = new Map();
  return text => {
    const slug = text.toLowerCase().replace(/<[^>]+>/g, '').replace(/&\w+;/g, '').replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    const times = taken.get(slug) ?? 0;
    taken.set(slug, times + 1);
    return times ? `${slug}-${times}` : slug;
  };
}

const anchors = new Map();
function anchorsOf(file) {
  if (!anchors.has(file)) {
    const slug = slugger();
    const headings = new Marked().lexer(read(file)).filter(({ type }) => type === 'heading');
    anchors.set(file, new Set(headings.map(({ tokens }) => slug(tokens.map(({ text, raw }) => text ?? raw).join('')))));
  }
  return anchors.get(file);
}

/** Where a link of a file leads on the site; `undefined`: what it names is not shown there. */
function target(file, href) {
  if (/^(\w+:|#$)/.test(href)) return href;
  const [where, anchor] = href.split('#');
  const to = where ? path.normalize(path.join(path.dirname(file), decodeURIComponent(where))).replace(/\/$/, '') : file;
  if (!existsSync(path.join(root, to))) { problems.push(`${file}: ${href} leads nowhere`); return undefined; }
  if (anchor && to.endsWith('.md') && !anchorsOf(to).has(anchor)) problems.push(`${file}: ${href}: there is no such heading`);
  const hash = anchor ? `#${anchor}` : '';
  if (address.has(to)) return address.get(to) + hash;
  if (statSync(path.join(root, to)).isDirectory()) return undefined;
  sources.add(to);
  return `files/${to}.html`;
}

function render(file) {
  const slug = slugger();
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const html = this.parser.parseInline(tokens);
        return `<h${depth} id="${slug(tokens.map(({ text, raw }) => text ?? raw).join(''))}">${html}</h${depth}>\n`;
      },
      link({ href, tokens }) {
        const to = target(file, href);
        const html = this.parser.parseInline(tokens);
        return to === undefined ? html : `<a href="${escape(to)}">${html}</a>`;
      },
      table(token) {
        return `<div class="wide" tabindex="0" role="region" aria-label="Table">${Object.getPrototypeOf(this).table.call(this, token)}</div>`;
      },
    },
  });
  return marked.parse(read(file));
}

function page(title, body, up, here) {
  const margin = PAGES.map(([, name, label]) => `<li><a href="${up}${name}.html"${name === here ? ' aria-current="page"' : ''}>${escape(label)}</a></li>`).join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<link rel="stylesheet" href="${up}style.css">
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<nav aria-label="Pages"><ul>${margin}</ul></nav>
<main id="main" tabindex="-1">${body}</main>
</body>
</html>
`;
}

function write(file, text) {
  mkdirSync(path.dirname(path.join(dist, file)), { recursive: true });
  writeFileSync(path.join(dist, file), text);
}

rmSync(dist, { recursive: true, force: true });
for (const [file, name, label] of PAGES) write(`${name}.html`, page(name === 'index' ? 'keywire' : `${label} · keywire`, render(file), '', name));
for (const file of checkedOnly) render(file);
for (const file of sources) write(`files/${file}.html`, page(`${file} · keywire`, `<h1><code>${escape(file)}</code></h1><pre><code>${escape(read(file))}</code></pre>`, '../'.repeat(file.split('/').length), ''));
const tokens = /:root \{.*?\n\}/s.exec(read('examples/design/base.css'))[0];
write('style.css', tokens + read('docs/site/style.css'));

for (const problem of problems) console.error(problem);
console.log(`${PAGES.length} pages and ${sources.size} files, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
