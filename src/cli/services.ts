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

/** The account at a service. Its key comes from the environment only: arguments can be read by every user of a machine. @throws UsageError */
export function providerOf(name: string | undefined, base?: string): Provider {
  const service = name !== undefined && Object.hasOwn(services, name) ? services[name] : undefined;
  if (name === undefined || !service) {
    const what =
      name === undefined ? 'no provider is given; write watch PROVIDER ID with' : `"${name}" is no provider; write`;
    throw new UsageError(`${what} one of ${names.join(', ')}`);
  }
  const keyName = keyNameOf(name);
  const apiKey = process.env[keyName];
  if (!apiKey) throw new UsageError(`the key of ${name} is missing; write export ${keyName}=... before this command`);
  const baseUrl = base ?? (process.env[baseUrlNameOf(name)] || undefined);
  return orUsageError(() => service({ apiKey, ...(baseUrl === undefined ? {} : { baseUrl }) }));
}
