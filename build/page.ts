/**
 * Builds the files that pages load into `public/assets`, with copies in brotli and gzip. Their names contain a hash of
 * the content, and `manifest.json` tells the server the names. The code is minified. The source maps contain the original
 * code, so the browser's debugger shows the tutorial's functions.
 *
 * Files of the last builds are kept, because running servers and open pages use them.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, extname, join, parse } from 'node:path';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { type BuildOptions, type BuildResult, build } from 'esbuild';

const OUT = join('public', 'assets');
// Only debuggers load source maps, so those stay uncompressed.
const COMPRESSED = ['.js', '.css', '.svg'];
/** `public/assets` has about as many files as this number of builds. */
const KEPT_BUILDS = 5;

const OPTIONS = {
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  sourcemap: true,
  metafile: true,
  outdir: OUT,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  logLevel: 'warning',
  write: false,
} as const satisfies BuildOptions;

const jqueryBuild = await build({ ...OPTIONS, entryPoints: ['jquery'] });
const jquery = namesOf(jqueryBuild);
// The page's script imports jQuery from this file, which changes less often than the script.
const jqueryFile = `./${jquery['jquery.js']}`;
const pageBuild = await buildScript([
  'src/client/main.ts',
  'public/css/main.css',
  'public/css/noscript.css',
  'public/img/favicon.svg',
]);
// By itself, so that the other pages load one script without the parts of this one.
const accountBuild = await buildScript(['src/client/account.ts']);
const built = [jqueryBuild, pageBuild, accountBuild].flatMap(({ outputFiles }) => outputFiles);
const files = (
  await Promise.all(built.map(({ path, contents }) => withCopies(basename(path), contents)))
).flat();

await mkdir(OUT, { recursive: true });
await Promise.all(files.map(([name, bytes]) => put(name, bytes)));
// Last, so that a server that starts now finds every file that the manifest names.
await put(
  'manifest.json',
  `${JSON.stringify({ ...jquery, ...namesOf(accountBuild), ...namesOf(pageBuild) }, undefined, 2)}\n`,
);
await deleteOldFiles(new Set(['manifest.json', ...files.map(([name]) => name)]));

/** Builds files that import jQuery from its own file. Modules that they import later become files too. */
function buildScript(entryPoints: string[]): Promise<BuildResult<typeof OPTIONS>> {
  return build({
    ...OPTIONS,
    entryPoints,
    splitting: true,
    loader: { '.svg': 'copy' },
    alias: { jquery: jqueryFile },
    external: [jqueryFile],
  });
}

/** Returns the names of the built files by their names without a hash, for example `main-6LQBZ3RK.js` by `main.js`. */
function namesOf({ metafile }: BuildResult<typeof OPTIONS>): Record<string, string> {
  const outputs = Object.entries(metafile.outputs).filter(
    ([path, { entryPoint }]) => entryPoint !== undefined && !path.endsWith('.map'),
  );
  return Object.fromEntries(
    outputs.map(([path]) => {
      const { name, ext, base } = parse(path);
      return [name.replace(/-[A-Z0-9]{8}$/, ext), base];
    }),
  );
}

async function withCopies(name: string, bytes: Uint8Array): Promise<[name: string, bytes: Uint8Array][]> {
  if (!COMPRESSED.includes(extname(name))) return [[name, bytes]];
  const params = { [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const [brotli, gzip] = await Promise.all([
    promisify(zlib.brotliCompress)(bytes, { params }),
    promisify(zlib.gzip)(bytes, { level: 9 }),
  ]);
  return [
    [name, bytes],
    [`${name}.br`, brotli],
    [`${name}.gz`, gzip],
  ];
}

/** Writes a file that gets its name when it is complete, and replaces an older one. */
async function put(name: string, content: string | Uint8Array): Promise<void> {
  const part = join(OUT, `${name}.${randomUUID()}.part`);
  await writeFile(part, content);
  await rename(part, join(OUT, name));
}

/** Deletes the oldest files. Each build writes all of its files, so their times tell when a build last used them. */
async function deleteOldFiles(current: ReadonlySet<string>): Promise<void> {
  const others = (await readdir(OUT)).filter((name) => !current.has(name));
  const aged = await Promise.all(
    // Another build may rename or delete a file now.
    others.map(async (name) => ({
      name,
      ms: (await stat(join(OUT, name)).catch(() => undefined))?.mtimeMs ?? 0,
    })),
  );
  const oldest = aged.sort((left, right) => right.ms - left.ms).slice((KEPT_BUILDS - 1) * current.size);
  await Promise.all(oldest.map(({ name }) => rm(join(OUT, name), { force: true })));
}
