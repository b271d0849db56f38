import * as z from 'zod/mini';
import type { Provider } from '../providers/index.js';
import { seededRandom } from './seeded-random.js';
import { randomLifecycle, type SandboxOutcome } from './lifecycle.js';
import type { SandboxTask } from './sandbox-task.js';
import type { Service } from './services.js';
import { signVideo, type Signature } from './video.js';

export interface TaskStoreOptions {
  readonly service: Service;
  /** The client's side of the service: its name and windows are the service's. */
  readonly provider: Provider;
  readonly videoBase: string;
  readonly seed: number;
  readonly speed: number;
  readonly retention: number;
}

/** The fields of a task that a caller may choose. Checked, since they also come over HTTP. */
export interface TaskRequest {
  readonly model?: unknown;
  readonly outcome?: unknown;
  readonly superResolution?: unknown;
  readonly reason?: unknown;
}

/** All tasks of one service, from their creation on; they are never forgotten, so that a deleted one stays deleted. */
export interface TaskStore {
  /** @throws TypeError for a request that the service could not fulfil. */
  create(request: TaskRequest): SandboxTask;
  /** A task by its id; an unseen id of a form that the service gives out is a task created now. */
  find(id: string, now: number): SandboxTask | undefined;
  /** A task that is there already. */
  get(id: string): SandboxTask | undefined;
}

const OUTCOMES = ['completed', 'failed', 'cancelled', 'never'] as const satisfies readonly SandboxOutcome[];

export function createTaskStore({ service, provider, videoBase, seed, speed, retention }: TaskStoreOptions): TaskStore {
  const { format } = service;
  const tasks = new Map<string, SandboxTask>();
  let created = 0;

  const add = (id: string, { model, outcome, superResolution, reason }: CheckedRequest): SandboxTask => {
    const random = seededRandom(seed, provider.name, id);
    const lifecycle = randomLifecycle(random, {
      windows: provider.windows,
      model,
      outcome,
      createdAt: Date.now(),
      speed,
    });
    const opensAt = outcome === 'completed' ? lifecycle.endsAt : Infinity;
    const sign = (file: string, signature: Signature) =>
      signVideo(`${videoBase}/${file}.mp4`, opensAt, retention, signature, random.text(file, 32));
    const task: SandboxTask = {
      ...lifecycle,
      id,
      model,
      speed,
      reason: reason ?? random.one('reason', format.reasons),
      video: sign(id, superResolution ? 'auth_key' : format.signature),
      ...(superResolution ? { original: sign(`original/${id}`, format.signature) } : {}),
      random,
    };
    tasks.set(id, task);
    return task;
  };

  const newId = (model: string): string => {
    const { prefix = '' } = format.families.find(({ models }) => models.test(model)) ?? {};
    let id: string;
    do id = prefix + seededRandom(seed, provider.name).text(`id ${++created}`, 32);
    while (tasks.has(id));
    return id;
  };

  return {
    create(request) {
      const checked = checkRequest(request, provider, service);
      return add(newId(checked.model), checked);
    },

    find(id, now) {
      const known = tasks.get(id);
      if (known) return isSeedance15(known.model) && now > known.endsAt + retention ? undefined : known;
      const family = format.families.find(({ prefix }) => id.startsWith(prefix));
      if (!family || !/^[a-z]+_[\w-]{1,128}$/.test(id)) return undefined;
      return add(id, { model: family.model ?? service.model, outcome: 'completed', superResolution: false });
    },

    get: (id) => tasks.get(id),
  };
}

/** Requests also come over HTTP. Built at the first one: it would delay the start of the command line. */
let requestSchema: ReturnType<typeof buildRequestSchema> | undefined;

function buildRequestSchema() {
  return z.strictObject({
    model: z.optional(z.string().check(z.regex(/^[\w.:/-]{1,128}$/))),
    outcome: z.optional(z.enum(OUTCOMES)),
    superResolution: z.optional(z.boolean()),
    reason: z.optional(z.string()),
  });
}

interface CheckedRequest {
  readonly model: string;
  readonly outcome: SandboxOutcome;
  readonly superResolution: boolean;
  readonly reason?: string | undefined;
}

function checkRequest(request: TaskRequest, { name, wire }: Provider, service: Service): CheckedRequest {
  const remedies: Readonly<Record<string, string>> = {
    model: `is no model's name; write for example model: "${service.model}"`,
    outcome: `is not known; write one of: ${OUTCOMES.join(', ')}`,
    superResolution: 'is not usable; write true or false',
    reason: 'is not usable; write a text, and outcome: "failed" with it',
  };
  const read = (requestSchema ??= buildRequestSchema()).safeParse(request);
  if (!read.success) {
    const [issue] = read.error.issues;
    const field = String(issue?.path[0] ?? (issue?.code === 'unrecognized_keys' ? issue.keys[0] : 'request'));
    const remedy = remedies[field] ?? `is not known; write one of: provider, ${Object.keys(remedies).join(', ')}`;
    throw new TypeError(`${field}: ${show((request as Record<string, unknown>)[field])} ${remedy}`);
  }
  const { model = service.model, outcome = 'completed', superResolution = false, reason } = read.data;
  if (outcome === 'cancelled' && !(wire.name === 'result' && isSeedance15(model))) {
    throw new TypeError(
      `outcome: ${name} documents no "cancelled" for ${model}; write outcome: "failed", or provider: "xingchaoyiqing"`,
    );
  }
  if (superResolution && wire.name !== 'generations') {
    throw new TypeError(`superResolution: ${name} has no such tasks; write provider: "anyfast" or "alad"`);
  }
  if (reason !== undefined && outcome !== 'failed') {
    throw new TypeError(`reason: ${show(reason)} ${remedies['reason'] ?? ''}`);
  }
  return { model, outcome, superResolution, reason };
}

/** The one family whose document has `cancelled`, and whose records are deleted together with their videos. */
function isSeedance15(model: string): boolean {
  return model.startsWith('seedance_1_5');
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
