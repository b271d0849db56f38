// What the four servers beside this file share: a relay over the sandbox, for one user who has two tasks.

import { createTracker } from 'rx-video-tasks';
import { relayHandler } from 'rx-video-tasks/relay';
import { startSandbox } from 'rx-video-tasks/sandbox';

const sandbox = await startSandbox({ speed: 60, seed: 1 });
const tracker = createTracker({ provider: sandbox.providers, speed: sandbox.speed });

// In an application this is a table: which task belongs to whom, under a public id of your own.
const tasks = new Map([
  ['clip-1', { owner: 'ann', ref: sandbox.create({ provider: 'alad' }) }],
  ['clip-2', { owner: 'bob', ref: sandbox.create({ provider: 'mingyan' }) }],
]);

export const relay = relayHandler({
  tracker,
  videoUrl: true,
  authorize: (request, publicIds) => {
    // Yours: a session's cookie, a token.
    const user = request.headers.get('authorization')?.replace('Bearer secret-of-', '');
    if (!user) return undefined;
    const own = (/** @type {string} */ id) => (tasks.get(id)?.owner === user ? tasks.get(id)?.ref : undefined);
    return { subject: user, refs: publicIds.map(own) };
  },
});

/** Prints how to query it. @param {unknown} address of the server */
export function announce(address) {
  const { port } = /** @type {import('node:net').AddressInfo} */ (address);
  console.log(`curl -N -H 'authorization: Bearer secret-of-ann' http://127.0.0.1:${port}/tasks?id=clip-1`);
}

export const port = Number(process.env.PORT ?? 8080);
