/**
 * Starts a model family: copies the folder of the one that it resembles most, under its own names, and adds it to the
 * registry. What comes out compiles and serves checkpoints of the new `model_type`; docs/adding-a-model-family.md
 * tells what to change then.
 *
 *     npm run new:family -- my_vlm --like llava
 */
import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = join(import.meta.dirname, '..');
const USAGE = 'Usage: npm run new:family -- NAME --like FAMILY';

try {
  const { name, like, models } = readArguments();
  const files = await newFamily({ name, like, models });
  process.stdout.write(`Wrote ${files.join(', ')}.\nNext: docs/adding-a-model-family.md, from step 2.\n`);
} catch (error) {
  process.stderr.write(`new:family: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      like: { type: 'string' },
      models: { type: 'string', default: join(ROOT, 'libs/models/src') },
    },
  });
  const [name, ...more] = positionals;
  if (name === undefined || values.like === undefined || more.length > 0) throw new Error(USAGE);
  return { name, like: values.like, models: values.models };
}

interface NewFamily {
  /** `model_type` of the new family's checkpoints. */
  readonly name: string;
  /** `model_type` of the family to begin from. */
  readonly like: string;
  /** Folder of the families. */
  readonly models: string;
}

async function newFamily({ name, like, models }: NewFamily): Promise<string[]> {
  for (const type of [name, like]) checkName(type);
  const from = join(models, kebabCase(like));
  const to = join(models, kebabCase(name));
  if (!(await exists(join(from, 'family.ts'))))
    throw new Error(`there is no family ${like}; there are ${(await familiesOf(models)).join(', ')}.`);
  if (await exists(to)) throw new Error(`${to} exists already.`);
  await mkdir(to);
  const files = (await readdir(from)).filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));
  for (const file of files)
    await writeFile(join(to, file), renamed(await readFile(join(from, file), 'utf8'), like, name));
  await register(join(models, 'registry.ts'), name);
  return [...files.map((file) => join(to, file)), join(models, 'registry.ts')];
}

function checkName(name: string): void {
  if (/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name)) return;
  throw new Error(`${name} is no model_type: lower-case words joined by underscores, as in config.json.`);
}

/** The same file for another family; imports of other families' files stay as they are. */
function renamed(text: string, like: string, name: string): string {
  return text
    .split('\n')
    .map((line) =>
      line.includes("from '../") ? renameImport(line, like, name) : renameLine(line, like, name),
    )
    .join('\n')
    .replace(/modelTypes: \[[^\]]*\]/, `modelTypes: ['${name}']`);
}

/**
 * A family's names: its type in texts, and identifiers in both cases. Names of a longer family (llava_next for llava) and
 * transformers' image processors, which checkpoints name, are not touched.
 */
function renameLine(line: string, like: string, name: string): string {
  const longer = '(?!Next|_next|ImageProcessor)';
  return line
    .replaceAll(new RegExp(`(?<=['\`])${like}(?=[ '\`])`, 'g'), name)
    .replaceAll(new RegExp(`${pascalCase(like)}${longer}`, 'g'), pascalCase(name))
    .replaceAll(new RegExp(`\\b${camelCase(like)}${longer}(?=[A-Z:]|\\b)`, 'g'), camelCase(name));
}

/** What a line imports from elsewhere keeps its name, unless it is declared in this family's folder. */
function renameImport(line: string, like: string, name: string): string {
  return line.includes(`'../${kebabCase(like)}/`) ? renameLine(line, like, name) : line;
}

async function register(path: string, name: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  const camel = camelCase(name);
  const imported = `import { ${camel} } from './${kebabCase(name)}/family.ts';\n`;
  const changed = text
    .replace(/(?=^import \{ \w+ \} from '\.\/[\w-]+\/family\.ts';$)/m, imported)
    .replace(/(FAMILIES: readonly Family\[\] = \[[^\]]*)\]/, `$1, ${camel}]`);
  if (!changed.includes(imported) || !changed.includes(`, ${camel}]`))
    throw new Error(`${path} does not look as it did; add ${camel} to FAMILIES by hand.`);
  await writeFile(path, changed);
}

async function familiesOf(models: string): Promise<string[]> {
  const folders = (await readdir(models, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const found = await Promise.all(folders.map(({ name }) => exists(join(models, name, 'family.ts'))));
  return folders.filter((_, index) => found[index]).map(({ name }) => name.replaceAll('-', '_'));
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function kebabCase(name: string): string {
  return name.replaceAll('_', '-');
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function pascalCase(name: string): string {
  const camel = camelCase(name);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}
