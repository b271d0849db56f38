// What is called of the peers. They are installed by `npm run bench` only; type checking does not need them.

declare module '@azure/core-lro' {
  interface Response {
    readonly flatResponse: unknown;
    readonly rawResponse: {
      readonly statusCode: number;
      readonly request: { readonly method: string; readonly url: string };
      readonly headers: Record<string, string>;
      readonly body: unknown;
    };
  }
  export function createHttpPoller(
    operation: { sendInitialRequest: () => Promise<Response>; sendPollRequest: (path: string) => Promise<Response> },
    options: { readonly intervalInMs: number },
  ): { pollUntilDone(): Promise<unknown> };
}

declare module '@fal-ai/client' {
  export function createFalClient(config: {
    readonly credentials: string;
    readonly requestMiddleware: (request: { readonly url: string }) => Promise<{ readonly url: string }>;
  }): {
    readonly queue: {
      subscribeToStatus(
        app: string,
        options: { readonly requestId: string; readonly mode: 'polling'; readonly pollInterval: number },
      ): Promise<unknown>;
    };
  };
}

declare module '@smithy/util-waiter' {
  export enum WaiterState {
    SUCCESS = 'SUCCESS',
    RETRY = 'RETRY',
  }
  export function createWaiter<Input>(
    /** In seconds. */
    options: {
      readonly client: object;
      readonly maxWaitTime: number;
      readonly minDelay: number;
      readonly maxDelay: number;
    },
    input: Input,
    check: (client: object, input: Input) => Promise<{ readonly state: WaiterState; readonly reason?: unknown }>,
  ): Promise<{ readonly state: WaiterState }>;
}

declare module 'p-limit' {
  export default function pLimit(concurrency: number): <Result>(task: () => Promise<Result>) => Promise<Result>;
}

declare module 'p-queue' {
  export default class PQueue {
    constructor(options: { readonly concurrency: number });
    add<Result>(task: () => Promise<Result>): Promise<Result>;
  }
}

declare module 'replicate' {
  export interface Prediction {
    readonly id: string;
    readonly version: string;
  }
  export default class Replicate {
    constructor(options: { readonly auth: string; readonly baseUrl: string });
    wait(prediction: Prediction, options: { readonly interval: number }): Promise<unknown>;
  }
}

declare module 'rx-polling' {
  import type { Observable } from 'rxjs';
  export default function polling<T>(
    request: Observable<T>,
    options: { readonly interval: number; readonly backgroundPolling: boolean },
  ): Observable<T>;
}
