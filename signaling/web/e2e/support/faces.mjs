// Drawn people for fake cameras: each is an SVG made of numbers, so it belongs to nobody and needs no licence. inPageCamera shows one of them,
// in the page, as the camera that the browser has, and a silent microphone that can be given a voice.

const looks = {
  'Dr. Lind': { skin: '#e8b994', hair: '#a9a39c', style: 'bob', shirt: '#2f5d62', collar: 'blazer', eyes: '#4a6a7d', glasses: true, room: 'office', age: 0.7 },
  'Dr. Okafor': { skin: '#7a4a30', hair: '#1d1512', style: 'short', shirt: '#7d8fa8', collar: 'shirt', eyes: '#2b1a12', beard: true, room: 'office' },
  Mara: { skin: '#f0c8a8', hair: '#7a4a2a', style: 'long', shirt: '#b5838d', collar: 'round', eyes: '#5b7553', room: 'living' },
  Jonas: { skin: '#edc2a0', hair: '#c79a5b', style: 'short', shirt: '#4f6d7a', collar: 'hood', eyes: '#5a7fa3', beard: true, room: 'kitchen' },
  Amira: { skin: '#c68f63', hair: '#8a6f9e', style: 'scarf', shirt: '#5d5470', collar: 'round', eyes: '#3a2418', room: 'window' },
  Theo: { skin: '#9b6242', hair: '#241913', style: 'curly', shirt: '#c9a15a', collar: 'round', eyes: '#2a1a10', room: 'bedroom' },
  Priya: { skin: '#b57b4f', hair: '#1b1413', style: 'bun', shirt: '#9c4a4a', collar: 'round', eyes: '#2a1710', room: 'plants' },
  Samuel: { skin: '#d9a47c', hair: '#8f8a85', style: 'bald', shirt: '#566246', collar: 'shirt', eyes: '#6b5135', glasses: true, age: 1, room: 'books' },
  Ines: { skin: '#e0ab85', hair: '#2e211c', style: 'long', shirt: '#d7d2c8', collar: 'round', eyes: '#4b3423', room: 'kitchen' },
  Noor: { skin: '#a86f48', hair: '#15110f', style: 'bob', shirt: '#3d6b57', collar: 'hood', eyes: '#2a1a12', room: 'window' },
};

// Somebody without a look of their own gets one of the others' by the name.
export function lookOf(name) {
  const all = Object.values(looks);
  return looks[name] ?? all[[...name].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % all.length];
}

const shade = (hex, by) => `#${[1, 3, 5].map((i) => Math.max(0, Math.min(255, Math.round(parseInt(hex.slice(i, i + 2), 16) * by))).toString(16).padStart(2, '0')).join('')}`;

// Between two colours, for lips.
function blend(one, other, share) {
  const parts = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const [a, b] = [parts(one), parts(other)];
  return `#${a.map((v, i) => Math.round(v + (b[i] - v) * share).toString(16).padStart(2, '0')).join('')}`;
}

const rooms = {
  office: ['#c9cfc8', '#98a39a', `<rect x="60" y="60" width="300" height="420" rx="6" fill="#7d8b82"/><g fill="#b8a184">${[...Array(14)].map((_, i) => `<rect x="${78 + (i % 7) * 38}" y="${90 + Math.floor(i / 7) * 190}" width="${22 + (i * 7) % 12}" height="${120 + (i * 13) % 36}" rx="3" opacity="${0.6 + (i % 4) / 10}"/>`).join('')}</g><rect x="930" y="110" width="240" height="180" fill="#e8e4da"/><path d="M950 270 1010 190 1060 240 1100 200 1150 270Z" fill="#9db3a6"/>`],
  living: ['#e0d3c4', '#b9a592', '<rect x="860" y="80" width="330" height="430" fill="#f6f1e4"/><path d="M1025 80v430M860 290h330" stroke="#cdbfae" stroke-width="14"/><rect x="80" y="430" width="330" height="290" rx="50" fill="#a0806a"/><circle cx="240" cy="210" r="86" fill="#f4d9a4" opacity=".8"/>'],
  kitchen: ['#d7dcd9', '#a9b4b0', '<rect x="0" y="80" width="420" height="210" fill="#eceeea"/><path d="M140 80v210M280 80v210" stroke="#b9c0bb" stroke-width="8"/><rect x="0" y="470" width="1280" height="40" fill="#8d7964"/><rect x="900" y="150" width="260" height="14" fill="#8d7964"/><g fill="#c98f5e"><rect x="930" y="86" width="40" height="64" rx="8"/><rect x="990" y="100" width="52" height="50" rx="8" fill="#6c8a80"/><rect x="1065" y="80" width="36" height="70" rx="8" fill="#d9c9a4"/></g>'],
  window: ['#b8c6d0', '#8796a3', '<rect x="90" y="40" width="500" height="560" fill="#dfeaf2"/><path d="M340 40v560M90 300h500" stroke="#9aa8b3" stroke-width="16"/><path d="M90 600 90 430 200 380 330 450 470 360 590 440 590 600Z" fill="#9fb7a3"/><path d="M620 20q40 300-20 640h130q-30-320 20-640Z" fill="#c9b6a6"/>'],
  bedroom: ['#c4b8c9', '#94879c', '<rect x="760" y="360" width="520" height="360" rx="36" fill="#8b7d95"/><rect x="800" y="320" width="210" height="120" rx="44" fill="#e7dfe9"/><rect x="1030" y="320" width="210" height="120" rx="44" fill="#dcd2df"/><rect x="110" y="100" width="200" height="260" fill="#e9dcc9"/><circle cx="210" cy="230" r="58" fill="#c58b72"/>'],
  plants: ['#d9dfcf', '#aab79d', '<rect x="60" y="560" width="360" height="26" fill="#8d7964"/><g fill="#6f8f63"><path d="M160 560q-90-180 10-330 70 150-10 330Z"/><path d="M240 560q-20-220 110-310 40 190-110 310Z" fill="#84a376"/><path d="M1080 620q-160-160-80-380 160 150 80 380Z"/><path d="M1120 620q0-240 130-330 60 210-130 330Z" fill="#84a376"/></g><rect x="1010" y="610" width="180" height="110" fill="#c07f5a"/>'],
  books: ['#c7b79f', '#9a8a73', `<g>${[...Array(36)].map((_, i) => `<rect x="${20 + (i % 18) * 70}" y="${60 + Math.floor(i / 18) * 240}" width="${34 + (i * 11) % 24}" height="${170 + (i * 17) % 40}" rx="3" fill="${['#7b5a48', '#4e6a6a', '#a8895c', '#6b4e61', '#5c6b4b'][i % 5]}"/>`).join('')}<rect x="0" y="262" width="1280" height="18" fill="#6d5a45"/><rect x="0" y="502" width="1280" height="18" fill="#6d5a45"/></g>`],
};

const hairBack = {
  long: (c) => `<path d="M470 300q-40-190 170-200 210 10 170 200 10 190 50 300-110 50-220 50t-220-50q40-110 50-300Z" fill="${c}"/>`,
  bob: (c) => `<path d="M478 330q-40-220 162-228 202 8 162 228 6 90 10 140-60 30-172 30t-172-30q4-50 10-140Z" fill="${c}"/>`,
  scarf: (c) => `<path d="M452 360q-40-280 188-284 228 4 188 284 0 150 60 260-120 60-248 60t-248-60q60-110 60-260Z" fill="${c}"/>`,
  bun: (c) => `<circle cx="640" cy="92" r="66" fill="${c}"/><path d="M486 320q-26-210 154-216 180 6 154 216Z" fill="${c}"/>`,
  curly: (c) => `<g fill="${c}">${[[500, 230, 66], [540, 160, 72], [610, 122, 76], [690, 124, 76], [750, 168, 70], [784, 240, 64], [492, 300, 50], [792, 304, 48]].map(([x, y, r]) => `<circle cx="${x}" cy="${y}" r="${r}"/>`).join('')}</g>`,
  short: (c) => `<path d="M496 300q-30-196 144-200 174 4 144 200Z" fill="${c}"/>`,
  bald: () => '',
};

const hairFront = {
  long: (c) => `<path d="M500 292q10-140 150-156 120 10 132 156-40-90-120-112-110 20-162 112Z" fill="${c}"/>`,
  bob: (c) => `<path d="M500 300q-4-150 140-166 144 16 140 166-14-76-74-116-120 62-206 116Z" fill="${c}"/>`,
  scarf: (c) => `<path d="M494 330q-10-206 146-210 156 4 146 210-14-150-146-156-132 6-146 156Z" fill="${c}"/><path d="M500 470q140 130 280 0 30 120-20 190-120 40-240 0-50-70-20-190Z" fill="${c}"/>`,
  bun: (c) => `<path d="M500 290q2-140 140-152 138 12 140 152-30-92-140-110-110 18-140 110Z" fill="${c}"/>`,
  curly: (c) => `<g fill="${c}">${[[548, 190, 40], [600, 166, 42], [658, 162, 44], [714, 178, 40], [746, 214, 32], [524, 226, 32]].map(([x, y, r]) => `<circle cx="${x}" cy="${y}" r="${r}"/>`).join('')}</g>`,
  short: (c) => `<path d="M500 286q-4-130 140-146 150 12 140 146-22-60-50-84-90 26-180 0-30 24-50 84Z" fill="${c}"/>`,
  bald: (c) => `<path stroke="none" d="M497 330q-12-50 2-96 12 60 6 104ZM783 330q12-50-2-96-12 60-6 104Z" fill="${c}"/>`,
};

const collars = {
  round: (c) => `<path d="M560 560q80 70 160 0l30 10q-110 100-220 0Z" fill="${shade(c, 0.82)}"/>`,
  shirt: (c) => `<path d="M556 548 640 640 580 690 520 580Z" fill="${shade(c, 1.18)}"/><path d="M724 548 640 640 700 690 760 580Z" fill="${shade(c, 1.1)}"/><path d="M640 640v90" stroke="${shade(c, 0.75)}" stroke-width="5"/>`,
  blazer: (c) => `<path d="M560 552 640 720 720 552 690 720H590Z" fill="#efe9df"/><path d="M552 552 640 720H560L480 600Z" fill="${shade(c, 0.8)}"/><path d="M728 552 640 720h80l80-120Z" fill="${shade(c, 0.72)}"/>`,
  hood: (c) => `<path d="M520 548q120 130 240 0 60 40 50 90-170 90-340 0-10-50 50-90Z" fill="${shade(c, 0.78)}"/><path d="M600 640v80M680 640v80" stroke="#e9e4da" stroke-width="8" stroke-linecap="round"/>`,
};

function eye(x, look) {
  return `<g><path d="M${x - 34} 330q34-30 68 0-34 26-68 0Z" fill="#f7f3ee"/><circle cx="${x}" cy="328" r="15" fill="${look.eyes}"/><circle cx="${x}" cy="328" r="7" fill="#14100d"/><circle cx="${x + 5}" cy="323" r="4" fill="#fff"/><path d="M${x - 36} 331q36-36 72 0" fill="none" stroke="${shade(look.skin, 0.42)}" stroke-width="5" stroke-linecap="round"/></g>`;
}

// The picture of a camera, 1280 by 720: the room out of focus, the person not. closed: eyes and lids; mouth: open while they speak.
export function faceOf(name, { closed = false, speaking = false } = {}) {
  const look = lookOf(name);
  const { skin, hair, style, shirt, age = 0 } = look;
  const [wall, wallEnd, things] = rooms[look.room];
  const dark = shade(skin, 0.8);
  const lip = blend(shade(skin, 0.85), '#b0434a', 0.42);
  const lids = [575, 705].map((x) => `<path d="M${x - 36} 322q36-22 72 0-6 26-36 26t-36-26Z" fill="${shade(skin, 0.94)}"/><path d="M${x - 34} 334q34 18 68 0" fill="none" stroke="${shade(skin, 0.42)}" stroke-width="5" stroke-linecap="round"/>`).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" width="1280" height="720" viewBox="0 0 1280 720">
<defs>
<linearGradient id="w" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="${wall}"/><stop offset="1" stop-color="${wallEnd}"/></linearGradient>
<radialGradient id="s" cx=".42" cy=".38" r=".72"><stop offset="0" stop-color="${shade(skin, 1.06)}"/><stop offset=".65" stop-color="${skin}"/><stop offset="1" stop-color="${dark}"/></radialGradient>
<linearGradient id="c" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="${shade(shirt, 1.12)}"/><stop offset="1" stop-color="${shade(shirt, 0.78)}"/></linearGradient>
<linearGradient id="h" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="${shade(hair, 1.25)}"/><stop offset="1" stop-color="${shade(hair, 0.8)}"/></linearGradient>
<filter id="far" x="-5%" y="-5%" width="110%" height="110%"><feGaussianBlur stdDeviation="9"/></filter>
<filter id="soft" x="-20%" y="-20%" width="140%" height="140%"><feGaussianBlur stdDeviation="10"/></filter>
<filter id="near" x="-20%" y="-20%" width="140%" height="140%"><feGaussianBlur stdDeviation="1.2"/></filter>
</defs>
<rect width="1280" height="720" fill="url(#w)"/><g filter="url(#far)">${things}</g>
<ellipse cx="640" cy="760" rx="470" ry="250" fill="#000" opacity=".18" filter="url(#soft)"/>
<g filter="url(#near)">${hairBack[style]('url(#h)')}
<path d="M300 760q10-170 190-206 60-16 80-50h140q20 34 80 50 180 36 190 206Z" fill="url(#c)"/>
<path d="M560 430h160v96q-10 96-80 100-70-4-80-100Z" fill="${dark}"/><path d="M566 470q74 70 148 0v40q-74 60-148 0Z" fill="${shade(skin, 0.66)}" opacity=".55"/>
${collars[look.collar](shirt)}
${style === 'scarf' ? '' : `<ellipse cx="500" cy="345" rx="20" ry="36" fill="${dark}"/><ellipse cx="780" cy="345" rx="20" ry="36" fill="${shade(skin, 0.74)}"/>`}
<path d="M502 310q-2-170 138-176 140 6 138 176 0 90-42 140-46 50-96 52-50-2-96-52-42-50-42-140Z" fill="url(#s)"/>
${look.beard ? `<path d="M506 370q10 84 46 106 44 42 88 42t88-42q36-22 46-106-16 46-52 56-40-30-82-28-42-2-82 28-36-10-52-56Z" fill="${shade(hair, 0.95)}" opacity=".82"/>` : ''}
<path d="M520 400q20 70 70 92-50-10-72-60ZM760 400q-20 70-70 92 50-10 72-60Z" fill="${shade(skin, 0.7)}" opacity=".25"/>
<ellipse cx="562" cy="398" rx="34" ry="20" fill="#c8564a" opacity=".16"/><ellipse cx="718" cy="398" rx="34" ry="20" fill="#c8564a" opacity=".16"/>
${closed ? lids : eye(575, look) + eye(705, look)}
<path d="M534 292q40-26 80-6" fill="none" stroke="${shade(age > 0.5 ? hair : hair, 0.75)}" stroke-width="10" stroke-linecap="round"/><path d="M666 286q40-20 80 6" fill="none" stroke="${shade(hair, 0.75)}" stroke-width="10" stroke-linecap="round"/>
<path d="M632 330q-14 60-18 78 12 20 42 12" fill="none" stroke="${shade(skin, 0.68)}" stroke-width="6" stroke-linecap="round" opacity=".8"/>
<path d="M646 335q6 40 10 66" stroke="${shade(skin, 1.12)}" stroke-width="8" stroke-linecap="round" opacity=".5"/>
${age > 0.5 ? `<path d="M556 408q-12 24-4 48M724 408q12 24 4 48M580 232q60-12 120 0" fill="none" stroke="${shade(skin, 0.74)}" stroke-width="4" opacity=".6"/>` : ''}
${speaking ? `<path d="M588 448q52-22 104 0-10 46-52 48-42-2-52-48Z" fill="#5a2320"/><path d="M598 448q42-14 84 0-6 10-42 10t-42-10Z" fill="#f4eee8"/><path d="M588 448q52-24 104 0" fill="none" stroke="${lip}" stroke-width="8" stroke-linecap="round"/>`
    : `<path d="M590 450q24-14 50-6 26-8 50 6-24 26-50 26t-50-26Z" fill="${lip}"/><path d="M588 451q52 16 104 0" fill="none" stroke="${shade(skin, 0.45)}" stroke-width="4" stroke-linecap="round"/>`}
<g stroke="url(#h)" stroke-width="18" stroke-linejoin="round">${hairFront[style]('url(#h)')}</g>
${look.glasses ? '<g fill="none" stroke="#2a2622" stroke-width="7"><rect x="526" y="298" width="98" height="70" rx="30" fill="#fff" fill-opacity=".1"/><rect x="656" y="298" width="98" height="70" rx="30" fill="#fff" fill-opacity=".1"/><path d="M624 322q16-12 32 0M526 322l-26-8M754 322l26-8"/></g>' : ''}
</g></svg>`;
}

// What Person.open runs in the page before its own code, so that this person has this face.
export function inPageCamera(name) {
  const pictures = [faceOf(name), faceOf(name, { closed: true }), faceOf(name, { speaking: true })].map((svg) => `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`);
  return { content: `(${wear})(${JSON.stringify(pictures)})` };
}

// Runs in the page. Twelve pictures a second of somebody who breathes, blinks, and moves the lips while window.__voice is true.
function wear(pictures) {
  const frames = 12;
  const devices = navigator.mediaDevices;
  if (!devices) return;
  window.__voice = false;
  const load = (src) => new Promise((done) => {
    const image = new Image();
    image.onload = () => done(image);
    image.src = src;
  });
  let images;
  async function camera({ width = 1280, height = 720 } = {}) {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d');
    // Drawn once each: an SVG is slow to draw anew.
    images ??= await Promise.all(pictures.map(load)).then((all) => all.map((image) => {
      const copy = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
      copy.getContext('2d').drawImage(image, 0, 0);
      return copy;
    }));
    let turn = Math.floor(Math.random() * 50);
    const draw = () => {
      turn += 1;
      const blinks = turn % 47 < 2;
      const speaks = window.__voice && turn % 4 < 2;
      const sway = 4 * Math.sin(turn / 19);
      const scale = Math.max(width / 1280, height / 720) * 1.03;
      context.setTransform(scale, 0, 0, scale, (width - 1280 * scale) / 2 + sway, (height - 720 * scale) / 2 + 2 * Math.sin(turn / 11));
      context.drawImage(images[blinks ? 1 : speaks ? 2 : 0], 0, 0);
    };
    draw();
    const stream = canvas.captureStream(frames);
    const [track] = stream.getVideoTracks();
    const timer = setInterval(() => (track.readyState === 'live' ? draw() : clearInterval(timer)), 1000 / frames);
    return stream;
  }
  function microphone() {
    const context = new AudioContext();
    const target = context.createMediaStreamDestination();
    const tone = new OscillatorNode(context, { frequency: 180, type: 'sawtooth' });
    const volume = new GainNode(context, { gain: 0 });
    tone.connect(volume).connect(target);
    tone.start();
    setInterval(() => volume.gain.setTargetAtTime(window.__voice ? 0.3 : 0, context.currentTime, 0.02), 50);
    return target.stream;
  }
  const native = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (wanted) => {
    const real = (await native(wanted)).getTracks()[0]; // a blocked device stays blocked
    const { deviceId } = real.getSettings();
    real.stop();
    const stream = wanted.video ? await camera() : microphone();
    const [track] = stream.getTracks();
    const settings = track.getSettings.bind(track);
    track.getSettings = () => ({ ...settings(), deviceId });
    return stream;
  };
}
