import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A disk in memory. Linux has one, and a commit to it takes no time. */
const MEMORY_DISK = '/dev/shm';

/** Creates a folder for the test, and deletes it afterwards. */
export function temporaryFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(realpathSync(parent), 'two-factor-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Creates a folder in memory, if this machine can, for a test that asks nothing of the disk. */
export function folderInMemory(): string {
  return temporaryFolder(existsSync(MEMORY_DISK) ? MEMORY_DISK : undefined);
}
