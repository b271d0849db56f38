import type { ReplyFormat } from './reply-format.js';
import { phaseAt } from './lifecycle.js';
import { VIDEO_SECONDS } from './video-file.js';

/** `GET /v1/result/{id}` as the server of xingchaoyiqing, mingyan and globalaiopc answers it. */
export const resultFormat: ReplyFormat = {
  families: [
    // The model center's: they have a path of their own, and what a task cost stands in its reply.
    { prefix: 'mcp_', models: /^(sd_2\.0_|seedance-2\.5|videos_933|KlingO3|wan2\.7|hh-1\.1)/, model: 'sd_2.0_special' },
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

  reply(task, now) {
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
        ...(id.startsWith('mcp_') && isCompleted ? { result_url: video.url, progress: 100, amount: 0.32 } : {}),
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
