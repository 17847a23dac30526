// Writes docs/sdk-api.md: everything that `keywire` and `keywire/react` export, with its documentation, from the types that are
// published. With --check it only compares. Needs dist.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const folder = fileURLToPath(new URL('../', import.meta.url));
const page = fileURLToPath(new URL('../../../docs/sdk-api.md', import.meta.url));
const ENTRIES = [['keywire', 'index.d.ts'], ['keywire/react', 'react.d.ts']];

const program = ts.createProgram(ENTRIES.map(([, file]) => `${folder}dist/${file}`), { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2022, skipLibCheck: true });
const checker = program.getTypeChecker();

/** What a `{@link}` means to a reader. */
const plain = text => text.replace(/\{@link ([^}]+)\}/g, '`$1`');

/** A declaration as it is published, without its own comment, what is not for users, and the mark of private members. */
function code(declaration) {
  const text = declaration.getText().replace(/\n? *#private;/, '').replace(/^export (default |declare )?/, '').replace(/^declare /, '').replace(' implements Host', '');
  return plain(text.replace(/\n\s*\/\*\* @internal \*\/\n[^\n]*/g, '').replace(/ {4}/g, '  '));
}

/** What an exported name stands for. */
const targetOf = symbol => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);

function section(symbol) {
  const target = targetOf(symbol);
  const declarations = (target.declarations ?? []).map(declaration => ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration);
  const doc = plain(ts.displayPartsToString(target.getDocumentationComment(checker)));
  if (!doc) throw new Error(`${symbol.name} is exported without a word about it`);
  return `### ${symbol.name}\n\n${doc.replaceAll('\n', ' ')}\n\n\`\`\`ts\n${[...new Set(declarations.map(code))].join('\n')}\n\`\`\`\n`;
}

const listed = new Set();
/** What `keywire` has already is not told again of `keywire/react`. */
const isNew = symbol => listed.size !== listed.add(targetOf(symbol)).size;

const parts = ENTRIES.map(([name, file]) => {
  const source = program.getSourceFile(`${folder}dist/${file}`);
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source));
  return `## ${name}\n\n${exported.filter(isNew).map(section).join('\n')}`;
});
const text = `# API of the TypeScript SDK\n\nMade from the published types by \`npm run api\` in \`sdk/typescript\`. The [SDK's README](../sdk/typescript/README.md) explains how the pieces go together.\n\n${parts.join('\n')}`;

if (!process.argv.includes('--check')) writeFileSync(page, text);
else if (readFileSync(page, 'utf8') !== text) {
  console.error('docs/sdk-api.md is not what the types say: run `npm run api` in sdk/typescript');
  process.exit(1);
}
