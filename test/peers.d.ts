// What benchmarks and pages call of packages that are not installed here. `npm run bench` installs its own; type checking
// needs none.

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
  interface Status {
    readonly status: 'IN_QUEUE' | 'IN_PROGRESS' | 'COMPLETED';
    readonly request_id: string;
  }
  interface VideoResult {
    readonly data: { readonly video: { readonly url: string } };
    readonly requestId: string;
  }
  export const fal: {
    subscribe(
      app: string,
      options: { readonly input: object; readonly onQueueUpdate?: (update: Status) => void },
    ): Promise<VideoResult>;
    readonly queue: {
      submit(app: string, options: { readonly input: object }): Promise<Status>;
      status(app: string, options: { readonly requestId: string; readonly abortSignal?: AbortSignal }): Promise<Status>;
      result(
        app: string,
        options: { readonly requestId: string; readonly abortSignal?: AbortSignal },
      ): Promise<VideoResult>;
    };
  };
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
    readonly status: string;
    readonly output?: unknown;
  }
  export default class Replicate {
    constructor(options: { readonly auth: string | undefined; readonly baseUrl?: string });
    readonly predictions: {
      create(options: { readonly model: string; readonly input: object }): Promise<Prediction>;
    };
    wait(prediction: Prediction, options: { readonly interval: number }): Promise<Prediction>;
  }
}

declare module 'rx-polling' {
  import type { Observable } from 'rxjs';
  export default function polling<T>(
    request: Observable<T>,
    options: { readonly interval: number; readonly backgroundPolling: boolean },
  ): Observable<T>;
}

declare module '@tanstack/react-query' {
  interface Query<T> {
    readonly state: { readonly data: T | undefined };
  }
  export function useQuery<T>(options: {
    readonly queryKey: readonly unknown[];
    readonly queryFn: (context: { readonly signal: AbortSignal }) => Promise<T>;
    readonly refetchInterval?: (query: Query<T>) => number | false;
    readonly retry?: boolean;
    readonly staleTime?: number;
  }): { readonly data: T | undefined; readonly error: Error | null };
  export function useQueryClient(): { setQueryData(key: readonly unknown[], data: unknown): void };
}
