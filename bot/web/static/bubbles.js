// From a message to what is seen of it.

import { fileAddress, photoAddress } from './api.js';
import { dayOf, timeOf, world } from './world.js';

const QUIET = 5 * 60 * 1000;
const SHADES = 6;
/** A choice of more options than this is folded. */
const MOST_SHOWN = 4;

/** An element with attributes, listeners (`onclick`) and children. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const ADDRESS = /https?:\/\/[^\s，。；）」]+/g;
const SHOWN = 32;

/** A text, with the addresses in it as links; a long one is shown shortened. */
function linked(text) {
  const parts = [];
  let at = 0;
  for (const { 0: address, index } of text.matchAll(ADDRESS)) {
    const short = address.length > SHOWN ? `${address.slice(0, SHOWN)}…` : address;
    parts.push(text.slice(at, index), element('a', { href: address, target: '_blank', rel: 'noopener noreferrer' }, short));
    at = index + address.length;
  }
  return [...parts, text.slice(at)];
}

export function avatar(ref) {
  if (!ref) return element('img', { class: 'avatar', src: '/sandbox/static/bee.svg', alt: '', width: 40, height: 40 });
  const name = world.name(ref);
  const letter = /^[小老]/.test(name) ? name[1] : name[0];
  const shade = Math.max(0, world.state.people.findIndex((person) => person.ref === ref)) % SHADES;
  return element('span', { class: `avatar shade${shade}`, 'aria-hidden': 'true' }, letter);
}

/**
 * The nodes of a chat: day and time marks between bubbles. `look(photo)`; `press(message, part, says, pressed)`, where
 * `part` is `{index}` of a button, `{option}` of the choice or the `{words}` of the form, and `says` what it says.
 */
export function rows(messages, actions) {
  const made = [];
  let before = null;
  for (const message of messages) {
    const mark = markBetween(before, message);
    if (mark) made.push({ key: `mark ${message.uuid}`, text: mark, make: () => element('p', { class: 'mark' }, mark) });
    made.push({ key: message.uuid, text: signature(message), make: () => bubble(message, actions) });
    before = message;
  }
  return made;
}

const signature = (message) => JSON.stringify([message.content, message.ticked, message.waiting, message.at, world.me]);

function markBetween(before, message) {
  if (before && new Date(message.at) - new Date(before.at) < QUIET) return '';
  const sameDay = before && dayOf(before.at) === dayOf(message.at);
  return sameDay ? timeOf(message.at) : `${dayOf(message.at)} ${timeOf(message.at)}`;
}

function bubble(message, actions) {
  const own = message.sender === world.me;
  return element(
    'article',
    { class: `row ${own ? 'own' : ''} ${message.sender ? '' : 'bot'} ${message.waiting ?? ''}`, 'data-uuid': message.uuid },
    avatar(message.sender),
    element(
      'div',
      { class: 'what' },
      element('p', { class: 'by' }, element('b', {}, world.name(message.sender)), element('time', { datetime: message.at }, timeOf(message.at))),
      quoted(message),
      body(message, actions),
      element('p', { class: 'after' }, ...after(message)),
    ),
  );
}

function after(message) {
  if (message.waiting === 'failed') return ['没有发出去'];
  if (message.waiting) return ['发送中……'];
  return message.ticked ? [element('span', { class: 'tick' }, '✓', element('i', {}, ` ${world.state.bot}记下了`))] : [];
}

function quoted(message) {
  const to = message.reply_to && world.messages.get(message.reply_to);
  if (!to) return null;
  const said = to.content.text || to.content.title || to.content.name || '[照片]';
  return element('p', { class: 'quote' }, `${world.name(to.sender)}：${said}`);
}

function body(message, actions) {
  const { content } = message;
  if (content.kind === 'card') return card(message, actions);
  if (content.kind === 'attachment') return file(message);
  const called = (content.mentions ?? []).flatMap(({ name }) => [element('b', { class: 'at' }, `@${name}`), ' ']);
  return element(
    'div',
    { class: `bubble ${content.text ? '' : 'bare'}` },
    content.text ? element('p', { class: 'text' }, ...called, ...linked(content.text)) : null,
    pictures(content.photos ?? [], actions),
  );
}

function file(message) {
  const { name } = message.content;
  return element(
    'a',
    { class: 'bubble file', href: fileAddress(message.uuid), download: name },
    element('span', { class: 'kind', 'aria-hidden': 'true' }, name.slice(name.lastIndexOf('.') + 1)),
    element('span', {}, element('b', {}, name), element('small', {}, '点一下就下载')),
  );
}

function pictures(names, actions) {
  if (!names.length) return null;
  return element(
    'div',
    { class: `pictures ${names.length === 1 ? 'single' : ''}` },
    ...names.map((name) =>
      element(
        'button',
        { type: 'button', 'aria-label': '看大图', onclick: () => actions.look(name) },
        element('img', { src: photoAddress(name, true), alt: '现场照片', onload: actions.settled }),
      ),
    ),
  );
}

function card(message, actions) {
  const { title, text, fields, photos, buttons, choice, form, hint } = message.content;
  const pressable = (button, part) =>
    element(
      'button',
      { type: 'button', class: `act ${button.style}`, 'data-index': Object.entries(part).join(), onclick: (event) => actions.press(message, part, button.says, event.currentTarget) },
      button.label,
    );
  return element(
    'div',
    { class: 'card' },
    element('h3', {}, title),
    text ? element('p', { class: 'text' }, ...linked(text)) : null,
    fields.length
      ? element('dl', {}, ...fields.flatMap((field) => [element('dt', {}, field.label), element('dd', {}, ...linked(field.value))]))
      : null,
    pictures(photos, actions),
    buttons.length ? element('div', { class: 'buttons' }, ...buttons.map((button, index) => pressable(button, { index }))) : null,
    choice ? options(choice, pressable) : null,
    form ? blank(message, form, actions) : null,
    hint ? element('p', { class: 'hint' }, ...linked(hint)) : null,
  );
}

/** The choice of a card. A long list is folded: most people do not need it, and the group scrolls by under it. */
function options({ label, options: all }, pressable) {
  const buttons = element('div', { class: 'buttons' }, ...all.map((button, option) => pressable(button, { option })));
  if (all.length > MOST_SHOWN) {
    return element('details', { class: 'part', 'aria-label': label }, element('summary', { class: 'asks' }, label), buttons);
  }
  return element(
    'div',
    { class: 'part', role: 'group', 'aria-label': label },
    element('p', { class: 'asks', 'aria-hidden': 'true' }, label),
    buttons,
  );
}

/** The form of a card: a line to write into. Enter submits it too. */
function blank(message, { label, submit }, actions) {
  const id = `form-${message.uuid}`;
  const line = element('input', { id, type: 'text', maxlength: 500, autocomplete: 'off', enterkeyhint: 'send', 'data-index': 'words' });
  const button = element('button', { type: 'submit', class: `act ${submit.style}` }, submit.label);
  const send = async (event) => {
    event.preventDefault();
    const words = line.value.trim();
    if (await actions.press(message, { words }, `${submit.says} ${words}`, button)) line.value = '';
  };
  return element(
    'form',
    { class: 'part', onsubmit: send },
    element('label', { class: 'asks', for: id }, label),
    element('div', { class: 'blank' }, line, button),
  );
}

/** Brings the children of `list` in step with `wanted`, touching only what has changed. */
export function reconcile(list, wanted) {
  const known = new Map([...list.children].map((node) => [node.dataset.key, node]));
  let place = list.firstElementChild;
  for (const row of wanted) {
    let node = known.get(row.key);
    known.delete(row.key);
    if (node && node.dataset.text !== row.text) {
      const fresh = named(row);
      const focused = node.contains(document.activeElement) && document.activeElement.dataset.index;
      if (place === node) place = fresh;
      node.replaceWith(fresh);
      if (focused) (fresh.dataset.index ? fresh : fresh.querySelector(`[data-index="${focused}"]`))?.focus();
      node = fresh;
    }
    node ??= named(row);
    if (node === place) place = place.nextElementSibling;
    else list.insertBefore(node, place);
  }
  for (const node of known.values()) node.remove();
}

function named(row) {
  const node = row.make();
  node.dataset.key = row.key;
  node.dataset.text = row.text;
  return node;
}
