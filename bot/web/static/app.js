// The page: it ties what is known (world) to what is seen (bubbles) and to what is asked of the server (api).

import { listen, moveClock, photoAddress, pressButton, readMessages, readState, uploadPhoto } from './api.js';
import { avatar, element, reconcile, rows } from './bubbles.js';
import { flush, say } from './outgoing.js';
import { samplePhoto, shrink } from './photos.js';
import { whenLifted } from './press.js';
import { dayOf, timeOf, world } from './world.js';

const byId = (id) => document.getElementById(id);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const NUMBERS = '①②③④⑤⑥⑦⑧⑨⑩';
const MOST_PHOTOS = 9;
const DOUBLE_CLICK = 1500;
const SETTLING = 600;

const typed = byId('say');
const log = byId('log');
let photos = [];
let playing = false;
let reading = null;
let held = [];

// ---- the whole picture

function show() {
  showPeople();
  showTabs();
  showLog();
  showChips();
  showJumps();
  showStory();
  typed.placeholder = world.chat.startsWith('private:') ? `跟${world.state.bot}说` : `在群里说，@${world.state.bot} 可以叫它`;
}

/** What the server has brought. */
const showNews = () => whenLifted(show);

function showPeople() {
  const played = world.state.people.filter((person) => person.played);
  const wanted = played.map((person) => {
    const on = person.ref === world.me;
    const news = !on && hasNews(person.ref);
    return {
      key: person.ref,
      text: `${on} ${news}`,
      make: () =>
        element(
          'button',
          { type: 'button', class: 'person', role: 'radio', 'aria-checked': String(on), tabindex: on ? 0 : -1, 'data-index': person.ref, onclick: () => play(person.ref), onkeydown: moveInGroup },
          avatar(person.ref),
          element('span', { class: 'name' }, person.name),
          element('span', { class: 'role' }, person.role),
          news ? element('span', { class: 'dot' }, element('span', { class: 'hidden' }, '有新消息')) : null,
        ),
    };
  });
  reconcile(byId('people'), wanted);
}

/** The branch's group concerns everybody all the time; a dot is for what came elsewhere. */
function hasNews(ref) {
  const [first] = world.state.chats;
  return world.chatsOf(ref).some((chat) => chat.ref !== first?.ref && world.unread(ref, chat.ref) > 0);
}

function showTabs() {
  const wanted = world.chatsOf(world.me).map((chat) => {
    const on = chat.ref === world.chat;
    const unread = on ? 0 : world.unread(world.me, chat.ref);
    return {
      key: chat.ref,
      text: `${on} ${unread}`,
      make: () =>
        element(
          'button',
          { type: 'button', role: 'tab', 'aria-selected': String(on), 'aria-controls': 'log', tabindex: on ? 0 : -1, 'data-index': chat.ref, 'data-chat': chat.ref, onclick: () => openChat(chat.ref), onkeydown: moveInGroup },
          chat.title,
          unread ? element('span', { class: 'badge', 'aria-label': `${unread} 条未读` }, unread > 99 ? '99+' : String(unread)) : null,
        ),
    };
  });
  reconcile(byId('tabs'), wanted);
  const chat = world.chatsOf(world.me).find((each) => each.ref === world.chat);
  byId('chat-title').textContent = chat.private ? chat.title : `${chat.title}（${chat.members.length}）`;
  byId('chat-as').replaceChildren('我是 ', element('b', {}, world.name(world.me)));
}

function showLog() {
  const messages = world.in(world.chat);
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const before = log.lastElementChild?.dataset.key;
  const wanted = messages.length ? rows(messages, { press, look, settled }) : [welcome()];
  reconcile(log, wanted);
  const last = messages.at(-1);
  const grown = last && before !== last.uuid;
  if (atEnd || (grown && last.sender === world.me)) toEnd();
  else if (grown) byId('newer').hidden = false;
  if (document.visibilityState === 'visible') world.markRead();
}

function welcome() {
  const chat = world.chatsOf(world.me).find((each) => each.ref === world.chat);
  const lines = {
    branch: '这是支部的群。小蜂平时不说话，听到签到、隐患这些事才出声。',
    organisation: '街道的组织群。每周一早上，小蜂会把各支部的情况汇总到这里。',
    property: '物业的群。书记派来的单子会出现在这里。',
  };
  const text = chat.private ? '这里只有您和小蜂。积分、诉求这些不想让别人看到的话，在这里说。' : lines[chat.ref] ?? '这个群还没有人说话。';
  return {
    key: 'welcome',
    text,
    make: () =>
      element('div', { class: 'welcome' }, element('img', { src: '/sandbox/static/bee.svg', alt: '', width: 72, height: 72 }), element('p', {}, text)),
  };
}

function showChips() {
  const known = world.state.suggestions[world.me] ?? [];
  const wanted = known
    .filter((words) => words.chat === world.chat && words.text)
    .map((words) => ({
      key: words.label,
      text: words.text,
      make: () =>
        element('button', { type: 'button', class: 'chip', title: words.text, onclick: () => perform(words) }, words.label),
    }));
  reconcile(byId('chips'), wanted);
}

function showStory() {
  const { story } = world.state;
  const next = world.nextStep();
  const done = story.filter((step) => world.isDone(step)).length;
  byId('progress').textContent = done === story.length ? '都试过了' : `${done} / ${story.length}`;
  reconcile(
    byId('steps'),
    story.map((step, index) => ({
      key: step.key,
      text: `${world.isDone(step)} ${step === next} ${step.text}`,
      make: () => stepRow(step, index, step === next),
    })),
  );
  const guide = next
    ? [{ key: 'next', text: next.key + next.text, make: () => guideRow(next, story.indexOf(next)) }]
    : [{ key: 'end', text: '', make: () => element('button', { type: 'button', class: 'next all', onclick: openStory }, element('b', {}, '都试过了'), element('span', {}, '想再看哪一步，点这里')) }];
  reconcile(byId('guide'), guide);
}

function stepRow(step, index, isNext) {
  const done = world.isDone(step);
  return element(
    'li',
    { class: `step ${done ? 'done' : ''} ${isNext ? 'next-step' : ''}` },
    element('span', { class: 'number', 'aria-hidden': 'true' }, done ? '✓' : String(index + 1)),
    element(
      'div',
      {},
      element('p', { class: 'head' }, step.title, done ? element('span', { class: 'hidden' }, '（做过了）') : null),
      element('p', { class: 'words' }, ...wordsOf(step)),
    ),
    element('button', { type: 'button', class: 'go', 'data-index': step.key, 'aria-label': `演这一步：${step.title}`, onclick: () => playStep(step) }, done ? '再来' : '试试'),
  );
}

function wordsOf(step) {
  if (step.jump) return [jumpOf(step.jump).label.replace('到', '时间走到')];
  if (!step.text) return ['先报一条隐患，才有编号可用'];
  return [element('b', {}, world.name(step.who)), `：${step.text}`, step.photo ? ' 📷' : ''];
}

function guideRow(step, index) {
  return element(
    'div',
    { class: 'next' },
    element(
      'button',
      { type: 'button', class: 'play', 'data-index': 'play', onclick: () => playStep(step) },
      element('span', { class: 'number', 'aria-hidden': 'true' }, NUMBERS[index]),
      element('span', { class: 'label' }, element('b', {}, step.title), element('small', {}, ...wordsOf(step))),
      element('span', { class: 'try' }, '点我试试'),
    ),
    element('button', { type: 'button', class: 'more', 'aria-label': '看全部步骤', onclick: openStory }, '☰'),
  );
}

function showClock() {
  const now = world.now();
  for (const node of document.querySelectorAll('[data-clock]')) setText(node, `${dayOf(now)} ${timeOf(now)}`);
  for (const node of document.querySelectorAll('[data-time]')) setText(node, timeOf(now));
}

const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

function showJumps() {
  for (const box of document.querySelectorAll('[data-jumps]')) {
    reconcile(
      box,
      world.state.jumps.map((jump) => ({
        key: jump.key,
        text: jump.label + jump.to,
        make: () => element('button', { type: 'button', 'data-jump': jump.key, 'data-index': jump.key, onclick: () => fastForward(jump) }, jump.label),
      })),
    );
  }
}

// ---- moving about

function play(ref, chat) {
  world.play(ref, chat);
  quietly();
  byId('newer').hidden = true;
  clearPhotos();
  show();
  toEnd();
  byId('people').querySelector('[aria-checked="true"]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
}

/** Another chat's messages are not news: they are not read aloud. */
function quietly() {
  log.setAttribute('aria-live', 'off');
  setTimeout(() => log.setAttribute('aria-live', 'polite'), 500);
}

function openChat(ref) {
  play(world.me, ref);
}

function moveInGroup(event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const group = event.currentTarget.parentElement;
  const all = [...group.children];
  const next = all[(all.indexOf(event.currentTarget) + step + all.length) % all.length].dataset.index;
  group.querySelector(`[data-index="${CSS.escape(next)}"]`).click();
  group.querySelector(`[data-index="${CSS.escape(next)}"]`).focus();
}

function toEnd() {
  log.scrollTop = log.scrollHeight;
  byId('newer').hidden = true;
}

/** A photo that has just loaded makes its bubble taller. */
function settled() {
  if (log.scrollHeight - log.scrollTop - log.clientHeight < 400) toEnd();
}

// ---- speaking

const hooks = {
  changed: showNews,
  refused: (message, why) => {
    toast(why, 'bad');
    if (!typed.value && message.sender === world.me && message.chat === world.chat) setWords(message.text);
  },
};

function setWords(text) {
  typed.value = text;
  grow();
}

function grow() {
  typed.style.height = 'auto';
  typed.style.height = `${Math.min(typed.scrollHeight, 120)}px`;
}

async function submit() {
  const text = typed.value.trim();
  if (photos.some((photo) => !photo.name)) {
    toast('照片还在上传，稍等一下');
    return;
  }
  if (!text && !photos.length) return;
  const message = { sender: world.me, chat: world.chat, text, photos: photos.map((photo) => photo.name) };
  setWords('');
  clearPhotos();
  await say(message, hooks);
}

async function perform(words) {
  if (words.photo && !photos.length && !(await attachSample())) return;
  setWords(words.text);
  await pause(260);
  await submit();
}

async function playStep(step) {
  if (playing) return;
  if (!step.jump && !step.text) {
    toast('先让小李报一条隐患，才有编号可用');
    return;
  }
  playing = true;
  closeStory();
  try {
    play(step.who, step.chat);
    await pause(320);
    if (step.jump) await fastForward(jumpOf(step.jump), step.key);
    else await perform(step);
  } finally {
    playing = false;
  }
}

let lastPress = { at: 0, where: '' };

/** Whether the server took it. */
async function press(message, part, says, pressed) {
  const where = `${world.me} ${world.chat}`;
  const moving = lastPress.where === where && Date.now() - lastPress.at < SETTLING;
  if (pressed.dataset.busy || moving) return false; // the answer may have moved another button under the second tap
  lastPress = { at: Date.now(), where };
  pressed.dataset.busy = 'yes';
  pressed.setAttribute('aria-disabled', 'true');
  try {
    const { answer } = await pressButton({ id: crypto.randomUUID(), sender: world.me, message: message.uuid, ...part });
    toast(answer || '收到');
  } catch (error) {
    toast(error.message, 'bad');
    return false;
  } finally {
    setTimeout(() => {
      delete pressed.dataset.busy;
      pressed.removeAttribute('aria-disabled');
    }, DOUBLE_CLICK);
  }
  const step = world.state.story.find((each) => each.who === world.me && each.begins && says.startsWith(each.begins));
  if (step) world.markDone(step.key);
  showNews();
  return true;
}

// ---- photos

async function attach(blob) {
  const photo = { name: '', address: URL.createObjectURL(blob) };
  photos.push(photo);
  showPhotos();
  try {
    photo.name = await uploadPhoto(blob);
  } catch (error) {
    toast(error.message, 'bad');
    drop(photo);
    return false;
  }
  showPhotos();
  return true;
}

async function attachSample() {
  const now = world.now();
  return attach(await samplePhoto(`${dayOf(now)} ${timeOf(now)}`));
}

async function attachFiles(files) {
  for (const file of [...files].slice(0, MOST_PHOTOS - photos.length)) await attach(await shrink(file));
}

function drop(photo) {
  photos = photos.filter((each) => each !== photo);
  URL.revokeObjectURL(photo.address);
  showPhotos();
}

function clearPhotos() {
  for (const photo of photos) URL.revokeObjectURL(photo.address);
  photos = [];
  showPhotos();
}

function showPhotos() {
  const box = byId('attached');
  box.hidden = !photos.length;
  box.replaceChildren(
    ...photos.map((photo) =>
      element(
        'span',
        { class: photo.name ? 'photo' : 'photo busy' },
        element('img', { src: photo.address, alt: '要发的照片' }),
        element('button', { type: 'button', 'aria-label': '去掉这张照片', onclick: () => drop(photo) }, '✕'),
      ),
    ),
  );
}

function look(name) {
  const viewer = byId('viewer');
  viewer.querySelector('img').src = photoAddress(name, false);
  viewer.showModal();
}

// ---- the clock

const jumpOf = (key) => world.state.jumps.find((jump) => jump.key === key);

async function fastForward(jump, step) {
  closeMenus();
  document.body.classList.add('forwarding');
  try {
    world.take(await moveClock(jump.to ? { to: jump.to } : { minutes: jump.minutes }));
    toast(`⏩ 现在是 ${world.state.clock}`);
    const told = step ?? world.state.story.find((each) => each.jump === jump.key)?.key;
    if (told) world.markDone(told);
  } catch (error) {
    toast(error.message, 'bad');
    await refreshState();
  } finally {
    document.body.classList.remove('forwarding');
  }
  showClock();
  showNews();
}

// ---- small things on top

function toast(text, kind = '') {
  const node = element('p', { class: `toast ${kind}` }, text);
  byId('toasts').append(node);
  setTimeout(() => node.classList.add('leaving'), 3200);
  setTimeout(() => node.remove(), 3600);
}

function toggleMenu(button, menu) {
  const open = menu.hidden;
  closeMenus();
  menu.hidden = !open;
  button.setAttribute('aria-expanded', String(open));
  if (open) menu.querySelector('button')?.focus();
}

function closeMenus() {
  for (const [button, menu] of [['open-photo', 'photo-menu'], ['open-jumps', 'jump-menu']]) {
    byId(menu).hidden = true;
    byId(button).setAttribute('aria-expanded', 'false');
  }
}

function openStory() {
  byId('story').classList.add('open');
  byId('close-story').focus();
}

function closeStory() {
  byId('story').classList.remove('open');
}

// ---- the server

async function refreshState() {
  try {
    world.take(await readState());
    showNews();
  } catch {
    // The connection's own notice says that the server is away.
  }
}

let refreshing = 0;
function refreshSoon() {
  clearTimeout(refreshing);
  refreshing = setTimeout(refreshState, 300);
}

/** Events that come while the log is being read are newer than what was read. */
async function readLog() {
  held = [];
  reading = readMessages();
  try {
    for (const bubble of await reading) world.put(bubble);
    for (const bubble of held) world.put(bubble);
    world.begin();
  } finally {
    reading = null;
  }
  showNews();
}

function onBubble(bubble) {
  if (reading) held.push(bubble);
  world.put(bubble);
  showNews();
  if (!bubble.sender) refreshSoon();
}

async function onHello() {
  byId('offline').hidden = true;
  try {
    await readLog();
    await refreshState();
  } catch {
    byId('offline').hidden = false;
    setTimeout(onHello, 2000);
    return;
  }
  await flush(hooks);
}

async function begin() {
  try {
    world.take(await readState());
  } catch (error) {
    toast(error.message, 'bad');
    setTimeout(begin, 2000);
    return;
  }
  if (!world.me) {
    toast('这里还没有演示支部', 'bad');
    return;
  }
  document.body.classList.add('ready');
  show();
  showClock();
  setInterval(showClock, 1000);
  listen({ onHello, onBubble, onNow: (now) => world.tell(now), onLost: () => { byId('offline').hidden = false; } });
}

// ---- hands on the page

byId('composer').addEventListener('submit', (event) => { event.preventDefault(); submit(); });
typed.addEventListener('input', grow);
typed.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    submit();
  }
});
typed.addEventListener('paste', (event) => {
  const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith('image/'));
  if (files.length) attachFiles(files);
});
byId('open-photo').addEventListener('click', (event) => toggleMenu(event.currentTarget, byId('photo-menu')));
byId('open-jumps').addEventListener('click', (event) => toggleMenu(event.currentTarget, byId('jump-menu')));
byId('sample-photo').addEventListener('click', () => { closeMenus(); attachSample(); });
byId('pick-photo').addEventListener('click', () => { closeMenus(); byId('file').click(); });
byId('file').addEventListener('change', async (event) => {
  const input = event.currentTarget;
  await attachFiles(input.files);
  input.value = '';
});
byId('newer').addEventListener('click', toEnd);
byId('close-story').addEventListener('click', closeStory);
byId('viewer').addEventListener('click', (event) => event.currentTarget.close());
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  closeMenus();
  closeStory();
});
document.addEventListener('pointerdown', (event) => {
  if (!event.target.closest('.menu, #open-photo, #open-jumps')) closeMenus();
});
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible' && world.state) showNews();
});
addEventListener('online', () => flush(hooks));

begin();
