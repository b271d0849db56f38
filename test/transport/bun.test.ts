import { undiciTransport } from 'rx-video-tasks/node';
import { Client, MockAgent } from 'undici';
import { afterEach, expect, test } from 'vitest';

// Bun resolves `undici` to a module of its own, whose Client has no dispatch.
const withoutDispatch = () =>
  Object.defineProperty(Client.prototype, 'dispatch', { configurable: true, value: undefined });

afterEach(() => {
  Reflect.deleteProperty(Client.prototype, 'dispatch');
});

test('refuses at call time where undici cannot send, as under Bun, and names the transport that works', () => {
  withoutDispatch();
  expect(() => undiciTransport()).toThrow(
    new TypeError(
      'undiciTransport: the undici of this runtime has no dispatch (Bun replaces undici by its own), so no request would be answered; leave the transport out: fetchTransport, the default, works here',
    ),
  );
});

test('takes a dispatcher that can send there', async () => {
  withoutDispatch();
  const dispatcher = new MockAgent();
  await undiciTransport({ dispatcher }).close();
  await dispatcher.close();
});
