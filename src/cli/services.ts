import {
  alad,
  anyfast,
  globalaiopc,
  mingyan,
  xingchaoyiqing,
  type Provider,
  type ProviderOptions,
} from 'rx-video-tasks';
import { orUsageError, UsageError } from './usage.js';

const makers: Readonly<Record<string, (options: ProviderOptions) => Provider>> = {
  xingchaoyiqing,
  mingyan,
  globalaiopc,
  anyfast,
  alad,
};

/** The names of all services. */
export const services: readonly string[] = Object.keys(makers);

export function isService(name: string): boolean {
  return Object.hasOwn(makers, name);
}

/** The environment variable that holds the key of a service. */
export function keyNameOf(service: string): string {
  return `${service.toUpperCase()}_API_KEY`;
}

/** The environment variable that holds another base URL of a service. */
export function baseUrlNameOf(service: string): string {
  return `${service.toUpperCase()}_BASE_URL`;
}

/** The services whose keys are in the environment. */
export function servicesWithKeys(): string[] {
  return services.filter((name) => Boolean(process.env[keyNameOf(name)]));
}

export interface AccountOptions {
  /** @default what the environment names, else the service's own */
  readonly baseUrl?: string | undefined;
  /** Whether another process queries the service. @default false */
  readonly isKeyOptional?: boolean;
}

/**
 * The account at a service. Its key comes from the environment only: every user of a machine can read the arguments of
 * a process. @throws UsageError
 */
export function providerOf(name: string, { baseUrl: base, isKeyOptional = false }: AccountOptions = {}): Provider {
  const make = isService(name) ? makers[name] : undefined;
  if (!make) {
    throw new UsageError(
      `"${name}" is not a provider; write PROVIDER ID or PROVIDER:ID, with one of ${services.join(', ')}`,
    );
  }
  const keyName = keyNameOf(name);
  const apiKey = process.env[keyName] || null;
  if (apiKey === null && !isKeyOptional) {
    throw new UsageError(`the key of ${name} is missing; write export ${keyName}=... before this command`);
  }
  const baseUrl = base ?? (process.env[baseUrlNameOf(name)] || undefined);
  return orUsageError(() => make({ apiKey, ...(baseUrl === undefined ? {} : { baseUrl }) }));
}
