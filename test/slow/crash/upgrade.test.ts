import { copyFileSync, cpSync, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import { COPY, NEWEST, oldDatabase, pad, rowsOf, start, startProcess } from '../../support/old-database.ts';

/** Changes in the folder, after each of which a start is killed once. An upgrade makes more. */
const KILLS = 8;

test('an upgrade that was killed at any moment is done by the next start', async () => {
  const { path: original } = oldDatabase();
  pad(original, 8000);
  const before = rowsOf(original);
  const schemas = new Set<number>();
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const folder = temporaryFolder();
    const path = join(folder, 'users.db');
    copyFileSync(original, path);
    const watcher = watch(folder);
    let changes = 0;
    const upgrading = startProcess(path);
    watcher.on('change', () => {
      changes += 1;
      if (changes === kill) upgrading.process.kill('SIGKILL');
    });
    await upgrading.ended();
    watcher.close();
    const left = temporaryFolder();
    cpSync(folder, left, { recursive: true });
    schemas.add(rowsOf(join(left, 'users.db')).schema);
    expect({ kill, ...rowsOf(join(left, 'users.db')), schema: 0 }).toEqual({ kill, ...before, schema: 0 });

    await start(path);
    expect(rowsOf(path)).toEqual({ ...before, schema: NEWEST });
    expect(rowsOf(join(folder, COPY))).toEqual(before);
    expect(readdirSync(folder).sort()).toEqual(['users.db', COPY]);
  }
  expect(schemas).toContain(4);
});
