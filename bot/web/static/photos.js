// Photos: made small before they are sent, and a drawn one for who has no file at hand.

const LONGEST = 2000;

const asJpeg = (canvas) => new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.85));

/** The picture as a JPEG of moderate size; the file itself where this browser cannot read it. */
export async function shrink(file) {
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    const paper = canvas.getContext('2d');
    paper.fillStyle = '#fff';
    paper.fillRect(0, 0, canvas.width, canvas.height);
    paper.drawImage(picture, 0, 0, canvas.width, canvas.height);
    return (await asJpeg(canvas)) ?? file;
  } catch {
    return file;
  }
}

/** A courtyard with a heap of rubble, stamped with place and time as phones do. */
export function samplePhoto(stamp) {
  const canvas = document.createElement('canvas');
  canvas.width = 960;
  canvas.height = 720;
  const paper = canvas.getContext('2d');
  drawYard(paper);
  drawGate(paper);
  drawRubble(paper);
  drawBarrow(paper);
  paper.fillStyle = 'rgba(0,0,0,.45)';
  paper.fillRect(0, 652, 960, 68);
  paper.fillStyle = '#fff';
  paper.font = '30px sans-serif';
  paper.fillText(`幸福里 170 号院 · ${stamp}`, 28, 697);
  return asJpeg(canvas);
}

function drawYard(paper) {
  const sky = paper.createLinearGradient(0, 0, 0, 430);
  sky.addColorStop(0, '#a9cbe0');
  sky.addColorStop(1, '#efe7d6');
  paper.fillStyle = sky;
  paper.fillRect(0, 0, 960, 720);
  paper.fillStyle = '#c9b8a2';
  paper.fillRect(0, 150, 520, 320);
  paper.fillStyle = '#d8cab6';
  paper.fillRect(520, 90, 440, 380);
  for (let row = 0; row < 3; row += 1) {
    for (let column = 0; column < 4; column += 1) {
      paper.fillStyle = (row + column) % 3 ? '#7f98a6' : '#f3d58a';
      paper.fillRect(560 + column * 100, 125 + row * 110, 56, 66);
      paper.strokeStyle = '#f6efe3';
      paper.lineWidth = 6;
      paper.strokeRect(560 + column * 100, 125 + row * 110, 56, 66);
    }
  }
  const ground = paper.createLinearGradient(0, 460, 0, 720);
  ground.addColorStop(0, '#b5ab9e');
  ground.addColorStop(1, '#8f8578');
  paper.fillStyle = ground;
  paper.fillRect(0, 460, 960, 260);
  paper.strokeStyle = 'rgba(70,60,50,.25)';
  paper.lineWidth = 3;
  for (let line = 0; line < 7; line += 1) {
    paper.beginPath();
    paper.moveTo(480 + (line - 3) * 60, 460);
    paper.lineTo(480 + (line - 3) * 250, 720);
    paper.stroke();
  }
}

function drawGate(paper) {
  paper.fillStyle = '#8d4a3a';
  paper.fillRect(70, 190, 60, 290);
  paper.fillRect(370, 190, 60, 290);
  paper.fillRect(50, 165, 400, 42);
  paper.fillStyle = '#b3261e';
  paper.fillRect(168, 214, 164, 62);
  paper.fillStyle = '#fff6dd';
  paper.font = 'bold 36px sans-serif';
  paper.textAlign = 'center';
  paper.fillText('170 号院', 250, 258);
  paper.textAlign = 'start';
  paper.fillStyle = '#e9dfcf';
  paper.fillRect(130, 290, 240, 190);
}

function drawRubble(paper) {
  const shades = ['#a0614b', '#c27d60', '#8d8a84', '#bdb6aa', '#d9d2c4', '#7b5546'];
  paper.fillStyle = 'rgba(40,30,20,.28)';
  paper.beginPath();
  paper.ellipse(470, 622, 330, 44, 0, 0, 7);
  paper.fill();
  let seed = 7;
  const chance = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let piece = 0; piece < 190; piece += 1) {
    const height = piece / 190;
    const across = (chance() - 0.5) * 600 * (1 - height * 0.82);
    paper.save();
    paper.translate(470 + across, 618 - height * 215 + chance() * 26);
    paper.rotate((chance() - 0.5) * 1.6);
    paper.fillStyle = shades[Math.floor(chance() * shades.length)];
    const width = 30 + chance() * 42;
    const tall = 16 + chance() * 22;
    paper.fillRect(-width / 2, -tall / 2, width, tall);
    paper.fillStyle = 'rgba(255,255,255,.16)';
    paper.fillRect(-width / 2, -tall / 2, width, 5);
    paper.restore();
  }
  paper.strokeStyle = '#6d6258';
  paper.lineWidth = 9;
  for (const [x, y, toX, toY] of [[330, 560, 250, 400], [560, 540, 690, 415], [450, 470, 480, 330]]) {
    paper.beginPath();
    paper.moveTo(x, y);
    paper.lineTo(toX, toY);
    paper.stroke();
  }
}

function drawBarrow(paper) {
  paper.fillStyle = '#f2b632';
  paper.beginPath();
  paper.moveTo(790, 640);
  paper.lineTo(826, 520);
  paper.lineTo(846, 520);
  paper.lineTo(882, 640);
  paper.fill();
  paper.fillStyle = '#fff';
  paper.fillRect(812, 565, 48, 20);
  paper.fillStyle = '#3b2a1c';
  paper.fillRect(776, 636, 120, 14);
}
