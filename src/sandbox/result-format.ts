import type { Dialect } from './reply-format.js';
import { phaseAt } from './lifecycle.js';
import { VIDEO_SECONDS } from './video-file.js';

/** `GET /v1/result/{id}` as the server of xingchaoyiqing, mingyan and globalaiopc answers it. */
export const resultDialect: Dialect = {
  families: [
    { prefix: 'vgen_', models: /^veo/, model: 'veo_3_1_fast' },
    { prefix: 'sora_', models: /^(sora|openAiSora)/, model: 'sora-2' },
    { prefix: 'video_', models: /^/ },
  ],
  signature: 'Expires',
  reasons: [
    'The prompt was rejected by the content policy',
    'The reference image could not be read',
    'The model is overloaded, please try again later',
    '内容审核未通过',
  ],

  tell(task, now) {
    const { id, model, createdAt, reason, video } = task;
    const status = phaseAt(task, now);
    const isCompleted = status === 'completed';
    return {
      status: 200,
      body: {
        id,
        object: model.startsWith('sora') ? 'video.generation' : 'video',
        created: Math.floor(createdAt / 1000),
        model,
        status,
        video_url: isCompleted ? video.url : null,
        ...(isCompleted ? { actualDuration: VIDEO_SECONDS } : {}),
        error: status === 'failed' ? reason : null,
      },
    };
  },

  // The server has its own word for a wrong key, behind HTTP 200.
  unauthorized: { status: 200, body: { code: '204', msg: '登录验证失败' } },
  notFound: { status: 404, body: { code: 404, msg: 'task not found', data: null } },
  rateLimited: { status: 429, body: { code: 429, msg: 'too many requests', data: null } },
};
