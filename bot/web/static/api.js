// What the page asks of the server.

/** The server said no (4xx) and will go on saying so; `message` is meant for people. */
export class Refused extends Error {}

/** The server could not be reached, or could not do it now: try again. */
export class Unreachable extends Error {}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Unreachable('连不上服务器');
  }
  if (answer.ok) return answer.json();
  const body = await answer.json().catch(() => ({}));
  const detail = typeof body.detail === 'string' ? body.detail : '没有办成，请再试一次';
  throw answer.status >= 500 ? new Unreachable(detail) : new Refused(detail);
}

const post = (path, body) =>
  ask(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

export const readState = () => ask('/sandbox/state');
export const readMessages = async () => (await ask('/sandbox/messages')).messages;
export const sendMessage = (message) => post('/sandbox/messages', message);
export const pressButton = (press) => post('/sandbox/buttons', press);
export const moveClock = (jump) => post('/sandbox/clock', jump);
export const uploadPhoto = async (blob) =>
  (await ask('/sandbox/photos', { method: 'POST', headers: { 'Content-Type': 'image/jpeg' }, body: blob })).photo;
export const fileAddress = (uuid) => `/sandbox/files/${encodeURIComponent(uuid)}`;
export const photoAddress = (name, thumb) => `/sandbox/photos/${encodeURIComponent(name)}${thumb ? '?thumb=1' : ''}`;

/** Listens to the server for good. `onHello` is called after each (re)connection, `onLost` when it breaks. */
export function listen({ onHello, onBubble, onNow, onLost }) {
  const source = new EventSource('/sandbox/events');
  const told = (event) => {
    const data = JSON.parse(event.data);
    onNow(data.now);
    return data;
  };
  source.addEventListener('hello', (event) => { told(event); onHello(); });
  source.addEventListener('beat', told);
  source.addEventListener('bubble', (event) => onBubble(told(event).bubble));
  source.addEventListener('error', () => {
    onLost();
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen({ onHello, onBubble, onNow, onLost }), 2000);
  });
}
