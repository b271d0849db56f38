interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: object): void;
}

interface DiagnosticsModule {
  channel(name: string): Channel;
}

// Asked for at run time: a browser has none, and a bundler finds no import.
const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => DiagnosticsModule | undefined } };
const diagnostics = /* @__PURE__ */ process?.getBuiltinModule?.('diagnostics_channel');

/**
 * Publishes through Node's `diagnostics_channel`: `rx-video-tasks:miss` (a missed poll),
 * `rx-video-tasks:lost` (tracking ended without an answer), `rx-video-tasks:saved` (a video is stored). Nothing that is published holds a key, a URL or a body.
 */
export function publish(name: 'miss' | 'lost' | 'saved', message: object): void {
  const channel = diagnostics?.channel(`rx-video-tasks:${name}`);
  if (channel?.hasSubscribers) channel.publish(message);
}
