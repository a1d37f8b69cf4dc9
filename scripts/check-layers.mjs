// Checks the rules that no compiler knows: which package may import which, import cycles, deep imports, barrels, file
// size, ambient time and randomness, `console` and `process`. Prints every violation as `file:line rule message`; exits
// with 1 when there is one. Usage: node scripts/check-layers.mjs [root folder]
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIBRARIES = ['locks', 'batch-writer', 'sync-queue', 'circuit-breaker', 'zone-scheduler'];
const IO =
  /^(node:)?(fs|net|tls|dns|dgram|http|http2|https|child_process|cluster|worker_threads|readline|process|timers)(\/.*)?$/;
const AMBIENT = [
  /(?<![.\w$])(?:globalThis\s*\.\s*)?(?:setTimeout|setInterval|setImmediate)\b/g,
  /\b(?:Date|performance)\s*\.\s*now\b|\bMath\s*\.\s*random\b|\bAbortSignal\s*\.\s*(?:any|timeout)\b/g,
  /\bnew\s+Date\s*(?:\(\s*\)|(?=[;,)\]}]))/g,
];
/** The command of a library. */
const COMMAND = /^src\/cli(\.ts$|\/)/;
/** The command of the application. */
const APPLICATION = /^src\/(main\.ts$|cli\/)/;
const PROCESS = /(?<![.\w$])(?:globalThis\s*\.\s*)?process\s*(?:\.|\?\.|\[)\s*\w*/g;

const root = resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)));
const folders = existsSync(join(root, 'packages'))
  ? readdirSync(join(root, 'packages')).map((folder) => `packages/${folder}`)
  : [];
const packages = new Map(
  [...folders, 'bench']
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => [folder.split('/').pop(), { folder, ...readExports(folder) }]),
);
const found = [];
let checked = 0;
for (const [name, { folder, entries }] of packages) {
  const edges = new Map();
  const areas = name === 'bench' ? ['src', 'test'] : ['src', 'test', 'bench', 'examples'];
  for (const area of areas) {
    for (const path of listFiles(join(root, folder, area))) {
      const text = readFileSync(path, 'utf8');
      const code = mask(text);
      const file = relative(root, path).replaceAll('\\', '/');
      const place = { name, area, file, inPackage: relative(join(root, folder), path), text };
      checked += 1;
      const imports = readImports(text, code);
      for (const one of imports) checkImport(one, place, path);
      if (area !== 'src') continue;
      if (name !== 'bench') checkSource(code, imports, place, entries);
      const loaded = imports.filter((one) => one.isLoaded && one.specifier.startsWith('.'));
      edges.set(
        path,
        new Map(loaded.map((one) => [join(dirname(path), one.specifier), { ...one, place }])),
      );
    }
  }
  reportCycles(edges);
}
for (const line of found.sort()) console.log(line);
console.log(`check-layers: ${checked} files, ${found.length} violations`);
process.exitCode = found.length === 0 ? 0 : 1;

function report({ file, text }, index, rule, message) {
  found.push(`${file}:${text.slice(0, index).split('\n').length} ${rule} ${message}`);
}

function checkImport({ specifier, index }, place, path) {
  const { name, area } = place;
  const isTest = area === 'test' || area === 'bench';
  if (specifier.startsWith('.')) {
    const target = relative(join(root, packages.get(name).folder), join(dirname(path), specifier));
    if (target.startsWith('..'))
      report(place, index, 'deep-import', `${specifier} leaves the package`);
    return;
  }
  if (
    area === 'src' &&
    !['testkit', 'bench'].includes(name) &&
    /^(node:)?timers(\/|$)/.test(specifier)
  )
    report(place, index, 'ambient', `${specifier}: take a clock from the options`);
  if (name === 'internal' && area === 'src' && IO.test(specifier))
    report(place, index, 'internal', `${specifier}: internal does no I/O`);
  else if (area === 'src' && /^(node:)?process$/.test(specifier) && !mayUseProcess(place))
    report(place, index, 'process', `${specifier}: not in this file`);
  const [, sibling, subPath] = /^@holdfast\/([^/]+)(?:\/(.+))?$/.exec(specifier) ?? [];
  if (sibling === undefined) return;
  const isOwn = sibling === name && area !== 'src';
  const isAllowed =
    isOwn ||
    (sibling === 'testkit' ? isTest || name === 'bench' : allowedFor(place).includes(sibling));
  if (!isAllowed)
    report(place, index, 'package-edge', `${name}/${area} may not import ${specifier}`);
  if (subPath === undefined || packages.get(sibling)?.exports.includes(`./${subPath}`)) return;
  const rule = /^(src|dist|test)\//.test(subPath) ? 'deep-import' : 'sub-path';
  report(place, index, rule, `${specifier} is not in the exports of ${sibling}`);
}

function allowedFor({ name, inPackage }) {
  if (name === 'internal' || name === 'cli-kit') return [];
  if (name === 'bench') return [...LIBRARIES, 'internal'];
  if (name === 'reference-app')
    return [...LIBRARIES, 'internal', ...(APPLICATION.test(inPackage) ? ['cli-kit'] : [])];
  return COMMAND.test(inPackage) ? ['internal', 'cli-kit'] : ['internal'];
}

function mayUseProcess({ name, inPackage }) {
  if (name === 'testkit') return true;
  // A lock on a folder names the process that holds it.
  if (LIBRARIES.includes(name))
    return COMMAND.test(inPackage) || inPackage === 'src/spool/folder-lock.ts';
  if (name === 'cli-kit') return inPackage === 'src/run-program.ts';
  return name === 'reference-app' && /^src\/(main\.ts$|cli\/|embedded\/)/.test(inPackage);
}

function checkSource(code, imports, place, entries) {
  const { name, inPackage, text } = place;
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  const most = name !== 'internal' ? 300 : inPackage === 'src/checks.ts' ? 130 : 100;
  if (lines > most) report(place, text.length, 'file-length', `${lines} lines, at most ${most}`);
  const all = (pattern, rule, why, isFine = () => false) => {
    for (const match of code.matchAll(pattern))
      if (!isFine(match[0])) report(place, match.index, rule, `${match[0].trim()}: ${why}`);
  };
  all(/\bexport\s*\*/g, 'export-star', 'name what is exported');
  all(
    /(?<![.\w$])(?:globalThis\s*\.\s*)?console\s*(?:\.|\?\.|\[)/g,
    'console',
    'emit an event instead',
  );
  const isWarning = (use) => inPackage === 'src/listeners.ts' && /\.\s*emitWarning$/.test(use);
  if (!mayUseProcess(place))
    all(PROCESS, 'process', 'not in this file', (use) => name === 'internal' && isWarning(use));
  const isClock = name === 'internal' && /^src\/(clock|random)\.ts$/.test(inPackage);
  if (!isClock && name !== 'testkit')
    for (const pattern of AMBIENT)
      all(pattern, 'ambient', 'take clock, random or signal from the options');
  const rest = code
    .replace(/\b(?:import|export)\b[\w\s{},*$]*?\bfrom\s*(['"]).*?\1/g, '')
    .replace(/\bexport\s*(?:type\s*)?\{[\w\s,$]*\}|\bimport\s*(['"]).*?\1/g, '');
  const isBarrel = /\bexport\b/.test(code) && imports.length > 0 && /^[\s;]*$/.test(rest);
  if (isBarrel && !entries.includes(inPackage))
    report(place, 0, 'barrel', 'only src/index.ts and the entries of package.json re-export');
}

/** Depth first; an edge back into the present path closes a cycle. */
function reportCycles(edges) {
  const done = new Set();
  const visit = (path, trail) => {
    if (done.has(path) || !edges.has(path)) return;
    for (const [target, { place, index }] of edges.get(path)) {
      const start = [...trail, path].indexOf(target);
      if (start === -1) visit(target, [...trail, path]);
      else {
        const cycle = [...[...trail, path].slice(start), target].map((one) => relative(root, one));
        report(place, index, 'cycle', cycle.join(' -> '));
      }
    }
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
}

/** The sub-paths that others may import, and the source files that they come from. */
function readExports(folder) {
  const exported =
    JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')).exports ?? {};
  const built = JSON.stringify(exported).matchAll(
    /\.\/(?:dist|src)\/([\w/-]+)\.(?:d\.)?[cm]?[jt]s/g,
  );
  const config = join(root, folder, 'tsup.config.ts');
  const named = existsSync(config)
    ? readFileSync(config, 'utf8').matchAll(/\bsrc\/[\w/-]+\.ts/g)
    : [];
  const entries = [
    ...[...built].map(([, name]) => `src/${name}.ts`),
    ...[...named].map(([name]) => name),
  ];
  return { exports: Object.keys(exported), entries: ['src/index.ts', ...entries] };
}

function listFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return ['node_modules', 'dist'].includes(entry.name) ? [] : listFiles(path);
    return /\.[cm]?[jt]s$/.test(entry.name) ? [path] : [];
  });
}

/** `isLoaded`: the import exists at run time and happens while the module loads. */
function readImports(text, code) {
  const specifierAt = (match) => {
    const start = match.index + match[0].length;
    return text.slice(start, code.indexOf(text[start - 1], start));
  };
  const statics = code.matchAll(/\b(?:import|export)\b(\s+type\b)?[\w\s{},*$]*?\bfrom\s*['"]/g);
  const bare = code.matchAll(/\bimport\s*['"]/g);
  const dynamic = code.matchAll(/\b(?:import|require)\s*\(\s*['"`]/g);
  const read = (matches, isLoaded) =>
    [...matches].map((match) => ({
      index: match.index,
      specifier: specifierAt(match),
      isLoaded: isLoaded(match),
    }));
  return [
    ...read(statics, (match) => match[1] === undefined),
    ...read(bare, () => true),
    ...read(dynamic, () => false),
  ];
}

/** The code with the inside of comments, strings and regular expressions blanked: every index stays what it was. */
function mask(text) {
  let out = '';
  const depths = []; // of braces, for each template literal that is being interpolated
  const blank = (count) =>
    (out += text.slice(out.length, out.length + count).replace(/[^\n]/g, ' '));
  const keep = (count) => (out += text.slice(out.length, out.length + count));
  const next = (pattern) => {
    pattern.lastIndex = out.length;
    return pattern.exec(text)?.[0].length ?? 0;
  };
  const template = () => {
    blank(next(/(?:\\[^]|\$(?!\{)|[^\\`$])*/y));
    const isHole = text.startsWith('${', out.length);
    if (isHole) depths.push(0);
    keep(isHole ? 2 : 1);
  };
  while (out.length < text.length) {
    const char = text[out.length];
    const comment = next(/\/\/.*|\/\*[^]*?\*\//y);
    const string = next(/(['"])(?:\\[^]|(?!\1)[^\\\n])*\1/y);
    const beforeRegex =
      /(?:^|[({[=,;:!&|?+\-*%~^<>]|\b(?:return|typeof|case|in|of|await|yield))\s*$/;
    const regex =
      char === '/' && beforeRegex.test(out.slice(-40))
        ? next(/\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//y)
        : 0;
    if (comment > 0) blank(comment);
    else if (string > 0) [keep(1), blank(string - 2), keep(1)];
    else if (regex > 0) blank(regex);
    else if (char === '`') [keep(1), template()];
    else if (char === '}' && depths.at(-1) === 0) [depths.pop(), keep(1), template()];
    else {
      if (depths.length > 0 && char === '{') depths[depths.length - 1] += 1;
      if (depths.length > 0 && char === '}') depths[depths.length - 1] -= 1;
      keep(1);
    }
  }
  return out;
}
