import type { Sandbox, SandboxService } from 'rx-video-tasks/sandbox';

/** What these tests look at in the answers of both wires. */
export interface Body {
  readonly status: string;
  readonly video_url: string;
  readonly error: unknown;
  readonly code: unknown;
  readonly message: unknown;
  readonly data: GenerationsData;
}

export interface GenerationsData {
  readonly status: string;
  readonly progress: string;
  readonly start_time: number;
  readonly finish_time: number;
  readonly fail_reason: string;
  readonly result_url: string;
  readonly original_result_url: string;
  readonly data: { readonly id: string; readonly seed: number };
}

const PATHS = {
  xingchaoyiqing: '/v1/result/',
  mingyan: '/v1/result/',
  globalaiopc: '/v1/result/',
  anyfast: '/v1/video/generations/',
  alad: '/v1/video/generations/',
};

/** Asks about a task with nothing of the library. */
export async function ask(
  { url, keys }: Sandbox,
  { provider, id }: { provider: SandboxService; id: string },
  authorization = `Bearer ${keys[provider]}`,
): Promise<{ status: number; headers: Headers; body: Body }> {
  const response = await fetch(`${url}/${provider}${PATHS[provider]}${id}`, { headers: { authorization } });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}

export const SERVICES = Object.keys(PATHS) as SandboxService[];
