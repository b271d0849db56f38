import '@angular/compiler';
import { Component, type EnvironmentProviders } from '@angular/core';
import { bootstrapApplication, type BootstrapContext } from '@angular/platform-browser';
import { provideServerRendering, renderApplication } from '@angular/platform-server';
import { createTracker, xingchaoyiqing, type Transport } from 'rx-video-tasks';
import { injectTask, provideVideoTasks } from 'rx-video-tasks/angular';

const App = Component({ selector: 'app-root', template: `<p>{{ task()?.status ?? 'not yet' }}</p>` })(
  class {
    readonly task = injectTask(() => 'v');
  },
);

/** Renders an application on a server, and tells what it asked and whether its tracker was closed. */
export async function render(transport: Transport, zone: EnvironmentProviders) {
  let asks = 0;
  let isClosed = false;
  const tracking = provideVideoTasks(() => {
    const tracker = createTracker({
      provider: xingchaoyiqing({ apiKey: 'k1234567' }),
      transport: (request) => {
        asks++;
        return transport(request);
      },
    });
    const close = () => {
      isClosed = true;
      tracker.close();
    };
    return { ...tracker, close };
  });
  const start = (context: BootstrapContext) =>
    bootstrapApplication(App, { providers: [provideServerRendering(), zone, tracking] }, context);
  const html = await renderApplication(start, { document: '<app-root></app-root>' });
  return { said: /<p>(.*?)<\/p>/.exec(html)?.[1], asks, isClosed };
}
