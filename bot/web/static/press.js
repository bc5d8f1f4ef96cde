// What is under a finger is not made anew: a button that is replaced while it is pressed is never clicked.

/** How long after the finger is lifted the click has come. */
const CLICKED = 100;

let pressing = false;
let lifting = 0;
let owed = null;

/** Draws now, or once no finger and no space bar is down. */
export function whenLifted(draw) {
  owed = draw;
  if (!pressing) pay();
}

function pay() {
  const draw = owed;
  owed = null;
  draw?.();
}

function hold() {
  clearTimeout(lifting);
  pressing = true;
}

function release() {
  pressing = false;
}

function lift() {
  clearTimeout(lifting);
  lifting = setTimeout(() => {
    release();
    pay();
  }, CLICKED);
}

document.addEventListener('pointerdown', hold, true);
// Under a menu of the browser a finger may be lifted unseen.
for (const end of ['pointerup', 'pointercancel', 'contextmenu']) document.addEventListener(end, lift, true);
document.addEventListener('click', release, true);
document.addEventListener('keydown', (event) => { if (event.key === ' ') hold(); });
document.addEventListener('keyup', (event) => { if (event.key === ' ') lift(); });
addEventListener('blur', lift);
