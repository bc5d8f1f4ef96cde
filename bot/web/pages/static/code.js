// Keeps the code of the place as it is now: the server says how long each one is shown, this clock only counts down.
"use strict";

const ASK_EVERY = 3000;
const ANSWERED_WITHIN = 5000;
const WORDS = { lost: "连不上网，正在重试……", closed: "这个链接过期了。请向小蜂再要一次「签到码」。" };

const at = (id) => document.getElementById(id);
const address = `${location.pathname}/now`;
let ends = performance.now() + Number(at("left").value);
let asking = false;
let over = document.body.classList.contains("ended");

function show(now) {
  ends = performance.now() + now.left;
  at("left").max = now.step;
  if (at("digits").textContent !== now.code) {
    at("digits").textContent = now.code;
    at("qr").src = now.qr;
  }
  at("present").textContent = now.present;
  at("expected").textContent = now.expected;
  at("guests").hidden = !now.guests;
  at("guests").querySelector("b").textContent = now.guests;
  over = now.ended;
  document.body.classList.toggle("ended", over);
  say("");
}

function say(words) {
  at("trouble").textContent = words;
  at("trouble").hidden = !words;
}

function hideStale() {
  // A code that counts no more must not be typed by anybody.
  at("digits").textContent = "····";
  at("qr").removeAttribute("src");
}

async function ask() {
  if (asking || over) return;
  asking = true;
  try {
    const answer = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout?.(ANSWERED_WITHIN) });
    if (answer.ok) show(await answer.json());
    else if (answer.status === 410 || answer.status === 404) {
      over = true;
      hideStale();
      say(WORDS.closed);
    } else say(WORDS.lost);
  } catch {
    say(WORDS.lost);
  } finally {
    asking = false;
  }
}

function tick() {
  const left = ends - performance.now();
  at("left").value = Math.max(0, left);
  if (left <= 0 && !over) {
    if (left < -4000) hideStale();
    if (left > -1000 || Math.round(left / 100) % 10 === 0) ask();
  }
}

async function stayAwake() {
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // Not every browser lets a page keep the screen on.
  }
}

at("full").hidden = !document.documentElement.requestFullscreen;
at("full").addEventListener("click", () => document.documentElement.requestFullscreen());
document.addEventListener("fullscreenchange", () => (at("full").hidden = Boolean(document.fullscreenElement)));
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  stayAwake();
  ask();
});
stayAwake();
setInterval(tick, 100);
setInterval(ask, ASK_EVERY);
