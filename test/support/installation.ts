import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './folder.ts';
import { ROOT } from './site.ts';

const BUILT = ['package.json', 'dist', 'views', 'public'];

/** Copies the built program, and `more` of the project, to a folder of its own until the test ends. It shares the packages. */
export function installation(more: readonly string[] = []): string {
  const root = temporaryFolder();
  for (const name of [...BUILT, ...more]) cpSync(join(ROOT, name), join(root, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  return root;
}
