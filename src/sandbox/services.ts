import {
  alad,
  anyfast,
  globalaiopc,
  mingyan,
  xingchaoyiqing,
  type Provider,
  type ProviderOptions,
} from '../providers/index.js';
import type { Dialect } from './reply-format.js';
import { generationsDialect } from './generations-format.js';
import { resultDialect } from './result-format.js';

/** The five services that the sandbox stands in for. */
export type SandboxService = 'xingchaoyiqing' | 'mingyan' | 'globalaiopc' | 'anyfast' | 'alad';

export interface Service {
  /** Makes the client's side of it. */
  readonly provider: (options: ProviderOptions) => Provider;
  readonly dialect: Dialect;
  /** The model of a task that names none. */
  readonly model: string;
}

export const services: Readonly<Record<SandboxService, Service>> = {
  xingchaoyiqing: { provider: xingchaoyiqing, dialect: resultDialect, model: 'seedance_1_5_pro_720p' },
  mingyan: { provider: mingyan, dialect: resultDialect, model: 'videos' },
  globalaiopc: { provider: globalaiopc, dialect: resultDialect, model: 'veo_3_1_fast' },
  anyfast: { provider: anyfast, dialect: generationsDialect, model: 'seedance' },
  alad: { provider: alad, dialect: generationsDialect, model: 'seedance' },
};

export const serviceNames = Object.keys(services) as SandboxService[];
