import '@angular/compiler';
import { Component, type EnvironmentProviders } from '@angular/core';
import { bootstrapApplication, provideClientHydration, type BootstrapContext } from '@angular/platform-browser';
import { provideServerRendering, renderApplication } from '@angular/platform-server';
import { createTracker, xingchaoyiqing, type Transport } from 'rx-video-tasks';
import { injectTask, provideVideoTasks, taskResource } from 'rx-video-tasks/angular';

const App = Component({
  selector: 'app-root',
  template: `<p>{{ task()?.status ?? 'not yet' }} {{ resource.value()?.status ?? 'not yet' }}</p>`,
})(
  class {
    readonly task = injectTask(() => 'v');
    readonly resource = taskResource(() => 'v');
  },
);

/** Renders an application on a server: what its page shows, how often it asked, whether its tracker was closed. */
export async function render(transport: Transport, zone: EnvironmentProviders) {
  let asks = 0;
  let isClosed = false;
  const tracking = provideVideoTasks(() => {
    const tracker = createTracker({
      provider: xingchaoyiqing({ apiKey: 'k1234567' }),
      // The whole task would be over while the page is rendered, if it were tracked.
      interval: 50,
      minInterval: 0,
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
    bootstrapApplication(
      App,
      { providers: [provideServerRendering(), provideClientHydration(), zone, tracking] },
      context,
    );
  const html = await renderApplication(start, {
    document: '<html><head></head><body><app-root></app-root></body></html>',
  });
  return { text: /<p>(.*?)<\/p>/.exec(html)?.[1], asks, isClosed, html };
}
