import {
  alad,
  anyfast,
  globalaiopc,
  mingyan,
  xingchaoyiqing,
  type Provider,
  type ProviderOptions,
} from '../providers/index.js';
import type { ReplyFormat } from './reply-format.js';
import { generationsFormat } from './generations-format.js';
import { resultFormat } from './result-format.js';

/** The five services that the sandbox stands in for. */
export type SandboxService = 'xingchaoyiqing' | 'mingyan' | 'globalaiopc' | 'anyfast' | 'alad';

export interface Service {
  /** Makes the client's side of it. */
  readonly provider: (options: ProviderOptions) => Provider;
  readonly format: ReplyFormat;
  /** The model of a task that names none. */
  readonly model: string;
}

export const services: Readonly<Record<SandboxService, Service>> = {
  xingchaoyiqing: { provider: xingchaoyiqing, format: resultFormat, model: 'seedance_1_5_pro_720p' },
  mingyan: { provider: mingyan, format: resultFormat, model: 'videos' },
  globalaiopc: { provider: globalaiopc, format: resultFormat, model: 'veo_3_1_fast' },
  anyfast: { provider: anyfast, format: generationsFormat, model: 'seedance' },
  alad: { provider: alad, format: generationsFormat, model: 'seedance' },
};

export const serviceNames = Object.keys(services) as SandboxService[];
