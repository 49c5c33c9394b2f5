/**
 * Builds what the pages load into `public/assets`: names with a hash of the content, a copy of each in brotli and in gzip,
 * and `manifest.json`, which tells the server the names. Everything is minified; the source maps have the code as it was
 * written, so that the browser's debugger shows the tutorial's functions.
 */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { extname, join, parse } from 'node:path';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { type BuildOptions, type BuildResult, build, type Plugin } from 'esbuild';

const OUT = join('public', 'assets');
/** Maps are for debuggers alone, and nobody waits for those. */
const COMPRESSED = ['.js', '.css', '.svg'];

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
} as const satisfies BuildOptions;

await rm(OUT, { recursive: true, force: true });
const jquery = await build({ ...OPTIONS, entryPoints: ['jquery'] });
const page = await build({
  ...OPTIONS,
  entryPoints: ['src/client/main.ts', 'public/css/main.css', 'public/img/favicon.svg'],
  splitting: true,
  loader: { '.svg': 'copy' },
  plugins: [inFileOfItsOwn('jquery', Object.values(namesOf(jquery))[0] as string)],
});
const names = { ...namesOf(jquery), ...namesOf(page) };
await writeFile(join(OUT, 'manifest.json'), `${JSON.stringify(names, undefined, 2)}\n`);
const files = await readdir(OUT);
await Promise.all(files.filter((file) => COMPRESSED.includes(extname(file))).map(compress));

/** Leaves a package out of the bundle, and lets it be imported from a file beside it. */
function inFileOfItsOwn(name: string, file: string): Plugin {
  return {
    name: 'in a file of its own',
    setup({ onResolve }) {
      onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: `./${file}`, external: true }));
    },
  };
}

/** The files that pages name, as `main.js` is `main-6LQBZ3RK.js`. */
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

async function compress(file: string): Promise<void> {
  const path = join(OUT, file);
  const bytes = await readFile(path);
  const params = { [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  await Promise.all([
    promisify(zlib.brotliCompress)(bytes, { params }).then((small) => writeFile(`${path}.br`, small)),
    promisify(zlib.gzip)(bytes, { level: 9 }).then((small) => writeFile(`${path}.gz`, small)),
  ]);
}
