// What the page knows: people, chats, messages, who is being played, and what has been read.

const TIME = new Intl.DateTimeFormat('zh-CN', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const DAY = new Intl.DateTimeFormat('zh-CN', { timeZone: 'Asia/Shanghai', month: 'numeric', day: 'numeric', weekday: 'short' });

export const timeOf = (moment) => TIME.format(new Date(moment));
export const dayOf = (moment) => {
  const parts = Object.fromEntries(DAY.formatToParts(new Date(moment)).map((part) => [part.type, part.value]));
  return `${parts.month}月${parts.day}日 ${parts.weekday}`;
};

const remembered = (key, storage = localStorage) => {
  try {
    return JSON.parse(storage.getItem(`jufeng.${key}`)) ?? undefined;
  } catch {
    return undefined;
  }
};
const remember = (key, value, storage = localStorage) => {
  try {
    storage.setItem(`jufeng.${key}`, JSON.stringify(value));
  } catch {
    // A full or forbidden storage only costs what is remembered over a reload.
  }
};

// Each tab keeps what it has not sent under a key of its own, so that no tab forgets another's.
const tab = remembered('tab', sessionStorage) ?? crypto.randomUUID();
remember('tab', tab, sessionStorage);
const WAITING = 'waiting.';

/** What any tab has not sent: sent by two of them it is still one message, for the id is the same. */
const allWaiting = () => {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(`jufeng.${WAITING}`));
  const each = keys.flatMap((key) => remembered(key.slice('jufeng.'.length)) ?? []);
  return [...new Map(each.map((message) => [message.id, message])).values()];
};

export const world = {
  state: null,
  me: '',
  chat: '',
  messages: new Map(),
  waiting: [],
  read: {},
  done: new Set(),
  clockAt: 0,

  /** Takes over the server's state. What was remembered of another data folder is dropped. */
  take(state) {
    const fresh = !this.state;
    this.state = state;
    this.tell(state.now);
    if (!fresh) return;
    const mine = remembered('world') === state.world;
    this.waiting = mine ? allWaiting() : [];
    this.read = (mine && remembered('read')) || {};
    this.done = new Set((mine && remembered('done')) || []);
    const me = remembered('me', sessionStorage) ?? remembered('me');
    const known = state.people.some((person) => person.ref === me);
    this.me = mine && known ? me : state.people[0]?.ref ?? '';
    const there = this.chatsOf(this.me).map((chat) => chat.ref);
    const chat = remembered('chat', sessionStorage) ?? remembered('chat');
    this.chat = mine && there.includes(chat) ? chat : there[0];
    remember('world', state.world);
  },

  keep() {
    remember(`${WAITING}${tab}`, this.waiting);
    remember('read', this.read);
    remember('done', [...this.done]);
    for (const storage of [localStorage, sessionStorage]) {
      remember('me', this.me, storage);
      remember('chat', this.chat, storage);
    }
  },

  tell(now) {
    this.clockAt = new Date(now).getTime() - performance.now();
  },
  now() {
    return this.clockAt + performance.now();
  },

  person(ref) {
    return this.state.people.find((person) => person.ref === ref);
  },
  name(ref) {
    return ref ? this.person(ref)?.name ?? '路人' : this.state.bot;
  },
  chatsOf(ref) {
    const groups = this.state.chats.filter((chat) => chat.members.includes(ref));
    return [...groups, { ref: `private:${ref}`, title: `与${this.state.bot}私聊`, members: [ref], private: true }];
  },
  play(ref, chat) {
    this.me = ref;
    const there = this.chatsOf(ref).map((each) => each.ref);
    this.chat = [chat, this.chat, there[0]].find((each) => there.includes(each));
    this.keep();
  },

  put(bubble) {
    this.messages.set(bubble.uuid, { ...bubble, place: BigInt(bubble.place) });
  },
  in(chat) {
    const kept = [...this.messages.values()].filter((message) => message.chat === chat);
    kept.sort((one, other) => (one.place < other.place ? -1 : 1));
    const waiting = this.waiting.filter((each) => each.chat === chat && !this.messages.has(each.id));
    return [...kept, ...waiting.map((each) => this.asBubble(each))];
  },
  asBubble({ id, sender, chat, text, photos, at, failed }) {
    const content = { kind: 'said', text, photos };
    return { uuid: id, sender, chat, content, at, ticked: false, reply_to: '', waiting: failed ? 'failed' : 'waiting' };
  },

  unread(ref, chat) {
    const seen = BigInt(this.read[`${ref} ${chat}`] ?? this.read.start ?? 0);
    let count = 0;
    for (const message of this.messages.values()) {
      if (message.chat === chat && message.sender !== ref && message.place > seen) count += 1;
    }
    return count;
  },
  markRead() {
    const places = this.in(this.chat).map((message) => message.place ?? 0n);
    const last = places.reduce((one, other) => (other > one ? other : one), 0n);
    this.read[`${this.me} ${this.chat}`] = String(last);
    this.keep();
  },
  /** A page that has never been here has nothing unread. */
  begin() {
    if (this.read.start !== undefined) return;
    const places = [...this.messages.values()].map((message) => message.place);
    this.read.start = String(places.reduce((one, other) => (other > one ? other : one), 0n));
  },

  /** A step is done once its person has said its words, or pressed a button that says them. */
  isDone(step) {
    if (this.done.has(step.key)) return true;
    if (!step.begins) return false;
    return [...this.messages.values()].some(
      (message) =>
        message.sender === step.who && message.chat === step.chat && (message.content.text ?? '').startsWith(step.begins),
    );
  },
  markDone(key) {
    this.done.add(key);
    this.keep();
  },
  nextStep() {
    return this.state.story.find((step) => !this.isDone(step));
  },
};
