// A board without a framework: what the browser has for server-sent events, and the relay.
//
//   npm ci && npm run build && node docs/examples/relay/board.mjs docs/examples/plain-page

/* global document, EventSource */

const ids = ['clip-1', 'clip-2', 'clip-3', 'clip-4'];
const running = new Set(ids);
const cards = new Map(ids.map((id) => [id, card(id)]));
const source = new EventSource(`tasks?${ids.map((id) => `id=${id}`).join('&')}`);

source.onmessage = ({ data }) => {
  const { id, status, progress, failure, video } = JSON.parse(data);
  const { item, word, bar } = cards.get(id);
  item.dataset.status = status;
  word.textContent = failure ? `${status}: ${failure.message}` : status;
  if (progress !== undefined) bar.value = progress;
  if (['queued', 'processing', 'unknown'].includes(status)) return;
  bar.remove();
  if (video)
    item.append(Object.assign(document.createElement('video'), { src: video.url, muted: true, autoplay: true }));
  // Else the browser would ask again, for ever.
  running.delete(id);
  if (running.size === 0) source.close();
};

function card(id) {
  const item = document.createElement('li');
  const [name, word, bar] = ['b', 'span', 'progress'].map((tag) => document.createElement(tag));
  item.id = name.textContent = id;
  bar.max = 100;
  item.append(name, word, bar);
  document.querySelector('#board').append(item);
  return { item, word, bar };
}
