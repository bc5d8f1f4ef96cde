// What has been said and is not at the server yet. Nothing is lost: each message is tried with the same id until it lands.

import { Refused, sendMessage } from './api.js';
import { world } from './world.js';

let busy = false;
let again = 0;
let wait = 1000;

/** Takes a message in; it shows at once. */
export function say(message, hooks) {
  const { sender, chat, text, photos } = message;
  world.waiting.push({ id: crypto.randomUUID(), sender, chat, text, photos, at: new Date(world.now()).toISOString() });
  world.keep();
  hooks.changed();
  return flush(hooks);
}

/** Sends what is waiting, in order. Failing that, again later: after a while, or as soon as the connection is back. */
export async function flush(hooks) {
  if (busy) return;
  busy = true;
  clearTimeout(again);
  try {
    let next;
    while ((next = world.waiting.find((each) => !each.failed))) await deliver(next, hooks);
    wait = 1000;
  } catch {
    again = setTimeout(() => flush(hooks), wait);
    wait = Math.min(wait * 2, 15000);
  } finally {
    busy = false;
  }
}

async function deliver(next, hooks) {
  const { id, sender, chat, text, photos } = next;
  try {
    const { message } = await sendMessage({ id, sender, chat, text, photos });
    world.waiting = world.waiting.filter((each) => each !== next);
    // What the events have brought meanwhile is newer than the answer: it may be ticked already.
    if (!world.messages.has(message.uuid)) world.put(message);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    world.waiting = world.waiting.filter((each) => each !== next);
    hooks.refused(next, error.message);
  } finally {
    world.keep();
    hooks.changed();
  }
}
