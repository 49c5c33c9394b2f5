import { Socket } from 'node:net';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { isLoopbackHost } from '../../src/loopback.ts';

const { connect } = Socket.prototype;

// A connection to another machine fails the test. A worker runs this file once for each of its test files.
if (connect.name !== 'connectToThisMachine') {
  Socket.prototype.connect = function connectToThisMachine(this: Socket, ...args: unknown[]) {
    const [first, second] = Array.isArray(args[0]) ? args[0] : args;
    const options =
      typeof first === 'object' ? first : { host: typeof second === 'string' ? second : undefined };
    const host = options?.host ?? 'localhost';
    if (options?.path === undefined && !isLoopbackHost(host)) {
      throw new Error(`A test tried to leave this machine: ${host}`);
    }
    return Reflect.apply(connect, this, args);
  } as typeof connect;
}

// An unexpected error on the console fails the test.
beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});
afterEach(() => {
  const { calls } = vi.mocked(console.error).mock;
  vi.restoreAllMocks();
  expect(calls).toEqual([]);
});
