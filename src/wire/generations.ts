import { readTask } from './read-task.js';
import type { Wire } from './wire.js';

/**
 * `GET /v1/video/generations/{task_id}`: an envelope around the task, and in the task's `data` the reply of the
 * upstream, which decorates the reading and decides nothing. Documented at https://docs.anyfast.ai.
 *
 * The gateway behind it (QuantumNous/new-api, relay/relay_task.go) answers with other bodies for other channels:
 * OpenAI's video object, bare or in the envelope, and Ark's task without an envelope.
 */
export const generationsWire: Wire = {
  name: 'generations',
  path: (id) => `/v1/video/generations/${id}`,
  read: (reply, context) => readTask(reply, context),
};
