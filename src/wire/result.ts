import { readTask } from './read-task.js';
import type { Wire } from './wire.js';

/**
 * `GET /v1/result/{id}`: one flat object; newer models of the same server wrap it in `data`. Documented at
 * https://docs.xingchaoyiqing.com and https://docs.globalaiopc.com.
 *
 * The server's "model center" creates tasks whose ids begin with `mcp_`. They have a path of their own,
 * `GET /v2/model-center/tasks/{id}`, which answers with the same object.
 */
export const resultWire: Wire = {
  name: 'result',
  path: (id) => (isModelCenter(id) ? `/v2/model-center/tasks/${id}` : `/v1/result/${id}`),
  // Of the model center's two URLs, `result_url` may be the upstream's.
  read: (reply, context) => readTask(reply, context, isModelCenter(context.id) ? 'video_url' : undefined),
};

function isModelCenter(id: string): boolean {
  return id.startsWith('mcp_');
}
