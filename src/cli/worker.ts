import { lastValueFrom, tap, type Observable } from 'rxjs';
import type { FleetEvent } from 'rx-video-tasks/bullmq';
import { undiciTransport } from 'rx-video-tasks/node';
import { fleetOptions, importFleet, readFleet, warnOnChange } from './fleet.js';
import { describeMiss, describeTask, jsonLine, printable, withBareUrls } from './format.js';
import { providerOf, servicesWithKeys } from './services.js';
import { orUsageError, readArgs, readNumber, UsageError } from './usage.js';

const USAGE = 'worker [PROVIDER...] --redis redis://HOST:6379';

/**
 * `worker [PROVIDER...] --redis URL`: polls for a fleet until `stop` emits; then it finishes the polls that run.
 * Resolves with 0, or with 141 where the reader of standard output is gone. @throws UsageError
 */
export async function worker(args: string[], stop: Observable<number>): Promise<number> {
  const { values, positionals } = readArgs(args, {
    ...fleetOptions,
    'requests-per-minute': { type: 'string' },
    speed: { type: 'string' },
    json: { type: 'boolean' },
  });
  const place = readFleet(values);
  if (!place) throw new UsageError(`no Redis is given; write ${USAGE}`);
  const names = positionals.length > 0 ? positionals : servicesWithKeys();
  if (names.length === 0) throw new UsageError('no key is set; write export ALAD_API_KEY=... before this command');
  const provider = [...new Set(names)].map((name) => providerOf(name));
  const requestsPerMinute = readNumber('requests-per-minute', values['requests-per-minute']);
  if (requestsPerMinute !== undefined && requestsPerMinute <= 0) {
    throw new UsageError(`--requests-per-minute: ${requestsPerMinute} is not usable; write a number above 0`);
  }

  const { fleetWorker } = await importFleet();
  const transport = undiciTransport();
  const drain = new AbortController();
  let code = 0;
  const stopping = stop
    .pipe(
      tap((signal) => {
        if (signal === 141) code = signal;
        drain.abort();
      }),
    )
    .subscribe();
  const events = orUsageError(() =>
    fleetWorker({
      ...{ ...place, provider, transport, signal: drain.signal },
      ...{ speed: readNumber('speed', values.speed) ?? 1 },
      ...(requestsPerMinute !== undefined && { requestsPerMinute }),
    }),
  );
  console.error(`Polling ${provider.map(({ name }) => name).join(', ')} for the fleet. Ctrl-C ends it.`);
  try {
    await lastValueFrom(events.pipe(tap(values.json ? printJson : linePrinter())), { defaultValue: undefined });
    return code;
  } finally {
    stopping.unsubscribe();
    await transport.close();
  }
}

/** NDJSON, as documented in docs/command-line.md: each event of the worker. */
function printJson(event: FleetEvent): void {
  if (event.type === 'miss') console.log(jsonLine({ ...event, last: undefined }));
  else console.log(jsonLine('task' in event ? { ...event, task: withBareUrls(event.task) } : event));
}

/** One line of text for each transition; on standard error what hinders the work. */
function linePrinter(): (event: FleetEvent) => void {
  const warn = warnOnChange();
  return (event) => {
    switch (event.type) {
      case 'polled':
        return;
      case 'transition':
      case 'lost': {
        const task = withBareUrls(event.task);
        console.log(`${new Date(task.observedAt).toISOString()} ${describeTask(task)}`);
        return;
      }
      case 'miss':
        console.error(describeMiss(event));
        return;
      case 'clock':
        console.error(printable(describeClock(event)));
        return;
      case 'warning':
        warn(event.message);
    }
  };
}

function describeClock({ skewMs, isUsable }: Extract<FleetEvent, { readonly type: 'clock' }>): string {
  if (isUsable) return "clock: this machine's time agrees with that of Redis again; the worker goes on";
  const apart = `${Math.abs(skewMs / 1000).toFixed(1)} s ${skewMs > 0 ? 'ahead of' : 'behind'} that of Redis`;
  return `clock: this machine's time is ${apart}; the worker takes no tasks until it is right`;
}
