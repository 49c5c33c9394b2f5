/**
 * Builds the files that pages load into `public/assets`, with copies in brotli and gzip. Their names contain a hash of
 * the content, and `manifest.json` tells the server the names. The code is minified. The source maps contain the original
 * code, so the browser's debugger shows the tutorial's functions.
 */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { extname, join, parse } from 'node:path';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { type BuildOptions, type BuildResult, build } from 'esbuild';

const OUT = join('public', 'assets');
// Only debuggers load source maps, so those stay uncompressed.
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
const jquery = namesOf(await build({ ...OPTIONS, entryPoints: ['jquery'] }));
// The page's script imports jQuery from this file, which changes less often than the script.
const jqueryFile = `./${jquery['jquery.js']}`;
const page = namesOf(
  await build({
    ...OPTIONS,
    entryPoints: ['src/client/main.ts', 'public/css/main.css', 'public/img/favicon.svg'],
    splitting: true,
    loader: { '.svg': 'copy' },
    alias: { jquery: jqueryFile },
    external: [jqueryFile],
  }),
);
await writeFile(join(OUT, 'manifest.json'), `${JSON.stringify({ ...jquery, ...page }, undefined, 2)}\n`);
const files = await readdir(OUT);
await Promise.all(files.filter((file) => COMPRESSED.includes(extname(file))).map(compress));

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

async function compress(file: string): Promise<void> {
  const path = join(OUT, file);
  const bytes = await readFile(path);
  const params = { [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  await Promise.all([
    promisify(zlib.brotliCompress)(bytes, { params }).then((small) => writeFile(`${path}.br`, small)),
    promisify(zlib.gzip)(bytes, { level: 9 }).then((small) => writeFile(`${path}.gz`, small)),
  ]);
}
