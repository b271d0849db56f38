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

const services: Readonly<Record<string, (options: ProviderOptions) => Provider>> = {
  xingchaoyiqing,
  mingyan,
  globalaiopc,
  anyfast,
  alad,
};

const names = Object.keys(services);

export function isService(name: string): boolean {
  return Object.hasOwn(services, name);
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
  return names.filter((name) => Boolean(process.env[keyNameOf(name)]));
}

/**
 * The account at a service. Its key comes from the environment only: every user of a machine can read the arguments of
 * a process. @throws UsageError
 */
export function providerOf(name: string, base?: string): Provider {
  const service = isService(name) ? services[name] : undefined;
  if (!service) {
    throw new UsageError(
      `"${name}" is not a provider; write PROVIDER ID or PROVIDER:ID, with one of ${names.join(', ')}`,
    );
  }
  const keyName = keyNameOf(name);
  const apiKey = process.env[keyName];
  if (!apiKey) throw new UsageError(`the key of ${name} is missing; write export ${keyName}=... before this command`);
  const baseUrl = base ?? (process.env[baseUrlNameOf(name)] || undefined);
  return orUsageError(() => service({ apiKey, ...(baseUrl === undefined ? {} : { baseUrl }) }));
}
