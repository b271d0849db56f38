import { ChildProcess } from 'node:child_process';
import { Server, Socket } from 'node:net';

// Unit tests run without isolation, side by side in few processes, and a newcomer runs them all the time: none of them
// waits for a socket or for another process.

function refuse(what: string): () => never {
  return () => {
    throw new Error(`a unit test ${what}: name its file *.integration.test.ts`);
  };
}

Server.prototype.listen = refuse('opens a server');
Socket.prototype.connect = refuse('opens a socket');
// All of spawn, exec and fork; not in Node's types.
(ChildProcess.prototype as unknown as { spawn: () => never }).spawn = refuse('starts a process');
