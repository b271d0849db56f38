import {
  alad,
  anyfast,
  defineProvider,
  generationsWire,
  generationsWindows,
  globalaiopc,
  mingyan,
  resultWindows,
  resultWire,
  windowOf,
  xingchaoyiqing,
} from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { providerContract, type Contract } from './contract.js';

type Windows = Contract['windows'];

// The documents' tables; one server sells all of these families.
const windows: Windows = {
  seedance_1_5_pro_480p: [10, 20],
  seedance_1_5_pro_720p: [30, 60],
  seedance_1_5_pro_1080p: [30, 60],
  flex: [60, 120],
  seedance_2_0: [20, 40],
  seedance_2_0_fast: [20, 40],
  seedance_2_0_pro: [20, 40],
  seedance_2_0_fast_pro: [20, 40],
  veo_3_1_fast: [30, 60, 30],
  'sora-2': [30, 60],
  'sora-2-pro': [30, 60],
  openAiSora2_720p: [30, 60],
  grok_video3: [30, 60],
  'viduq3-turbo': [30, 60],
  'viduq3-pro': [30, 60],
  videos: [30, 60],
  videos_stable: [30, 60],
  videos_stable_fast: [30, 60],
  sd2_manxue_x: [30, 60],
  'happyhorse-1': [30, 60],
  'anything else': [30, 60],
};
const onResult = {
  wire: resultWire,
  baseUrl: 'https://zcbservice.aizfw.cn/kyyReactApiServer',
  path: '/v1/result/task_1',
  floor: 10_000,
  windows,
};
const onGenerations = {
  wire: generationsWire,
  path: '/v1/video/generations/task_1',
  floor: 15_000,
  windows: { 'doubao-seedance-2-0-260128': [15, 20], 'seedance-turbo': [15, 20], flex: [15, 20] } satisfies Windows,
};

providerContract(xingchaoyiqing, { name: 'xingchaoyiqing', ...onResult });
providerContract(mingyan, { name: 'mingyan', ...onResult });
providerContract(globalaiopc, { name: 'globalaiopc', ...onResult });
providerContract(anyfast, { name: 'anyfast', baseUrl: 'https://www.anyfast.ai', ...onGenerations });
providerContract(alad, { name: 'alad', baseUrl: 'https://ai.alad.com', ...onGenerations });

const acme = defineProvider({
  name: 'acme',
  baseUrl: 'https://api.acme.example/prefix',
  otherHosts: ['eu.acme.example'],
  wire: generationsWire,
  windows: { '*': { min: 5_000, max: 6_000 } },
  minInterval: 5_000,
  retention: 3_600_000,
});

test('a regional host of a service is the public service too', () => {
  expect(anyfast({ apiKey: 'k', baseUrl: 'https://www.anyfast.com.cn' }).isPublicService).toBe(true);
  expect(acme({ apiKey: 'k', baseUrl: 'https://eu.acme.example' }).isPublicService).toBe(true);
  expect(acme({ apiKey: 'k', baseUrl: 'https://ai.alad.com' }).isPublicService).toBe(true);
  expect(acme({ apiKey: 'k', baseUrl: 'https://us.acme.example' }).isPublicService).toBe(false);
});

test('a service of your own brings its own floor and retention', () => {
  const provider = acme({ apiKey: () => 'k' });
  expect(provider).toMatchObject({ name: 'acme', minInterval: 5_000, retention: 3_600_000, isPublicService: true });
  expect(provider).not.toHaveProperty('otherHosts');
});

describe('windowOf', () => {
  const own = { a: { min: 1, max: 2 }, 'a*': { min: 3, max: 4 }, 'ab*': { min: 5, max: 6 }, '*': { min: 7, max: 8 } };

  test.each([
    ['a', 1],
    ['ax', 3],
    ['ab', 5],
    ['abc', 5],
    ['b', 7],
    ['constructor', 7],
    ['', 7],
    [undefined, 7],
  ])('the exact name, the longest prefix, the rest: %s', (model, min) => {
    expect(windowOf(own, model).min).toBe(min);
  });

  test('is 30 to 60 s where a table has nothing to say', () => {
    for (const model of [undefined, 'x', 'toString'])
      expect(windowOf({}, model)).toMatchObject({ min: 30_000, max: 60_000 });
  });

  test('gives the documented generation times, in ms', () => {
    const minutes = (model: string, table = resultWindows) =>
      windowOf(table, model).generation?.map((ms) => ms / 60_000);
    expect(minutes('seedance_1_5_pro_480p')).toStrictEqual([0.5, 2]);
    expect(minutes('seedance_1_5_pro_720p')).toStrictEqual([2, 5]);
    expect(minutes('seedance_1_5_pro_1080p')).toStrictEqual([3, 8]);
    expect(minutes('veo_3_1_fast')).toStrictEqual([2, 5]);
    expect(minutes('sora-2')).toStrictEqual([2, 15]);
    expect(minutes('openAiSora2')).toStrictEqual([2, 15]);
    expect(minutes('grok_video3')).toStrictEqual([2, 8]);
    expect(minutes('viduq3-turbo')).toStrictEqual([2, 4]);
    expect(minutes('viduq3-pro')).toStrictEqual([3, 6]);
    expect(minutes('seedance-turbo', generationsWindows)).toStrictEqual([1, 5]);
  });
});

test('a trailing dot makes no other host of a public service', () => {
  for (const baseUrl of ['https://ai.alad.com.', 'https://AI.alad.com.:443/', 'https://www.anyfast.com.cn.']) {
    expect(alad({ apiKey: 'k', baseUrl }).isPublicService, baseUrl).toBe(true);
  }
  expect(alad({ apiKey: 'k', baseUrl: 'http://localhost.:4000' }).isLoopback).toBe(true);
});

describe('a definition', () => {
  const good = { name: 'acme', baseUrl: 'https://a.example', wire: resultWire, windows: resultWindows };
  const define = (definition: unknown) => () => defineProvider(definition as typeof good);

  test('is refused by the name of what is missing or unknown, and what to write instead', () => {
    expect(define(undefined)).toThrow(
      'defineProvider: the options are undefined; write defineProvider({ name, baseUrl',
    );
    expect(define({})).toThrow("defineProvider: name is undefined; write for example name: 'acme'");
    expect(define({ ...good, wire: undefined })).toThrow(/wire is undefined; write .* resultWire/);
    expect(define({ ...good, headers: {} })).toThrow(/headers is object; write for example headers: \(apiKey\) =>/);
    expect(define({ ...good, windows: [] })).toThrow(/windows is object; write for example windows: \{ '\*': /);
    expect(define({ ...good, baseUrl: 'a.example' })).toThrow(
      /baseUrl is "a.example"; write for example baseUrl: 'https:/,
    );
    expect(define({ ...good, minIntervall: 1 })).toThrow(
      'defineProvider: there is no option "minIntervall"; write one of name, baseUrl',
    );
  });

  test('makes providers that refuse unknown options by name', () => {
    const options = { apiKey: 'k', baseURL: 'https://b.example' };
    expect(() => defineProvider(good)(options)).toThrow(
      'acme: there is no option "baseURL"; write one of apiKey, baseUrl',
    );
  });

  test('makes providers that take no key in the place of the options, and do not show it', () => {
    const alone = () => alad('sk-secret' as never);
    expect(alone).toThrow('alad: the options are string; write alad({ apiKey })');
    expect(alone).not.toThrow('sk-secret');
  });
});
