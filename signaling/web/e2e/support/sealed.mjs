// Pages whose frames are sealed without MLS: a script in the page takes the place of the keys worker, with keys that the test names. What
// runs is the page's own frames worker, its transforms and its wiring.
import assert from 'node:assert/strict';

// staticKeys returns the script. leaves: display name to leaf. Another seed gives other keys, as somebody outside of the group has.
export function staticKeys(leaves, seed = 'group') {
  return `${watchFrames}; (${run})(${JSON.stringify({ leaves, seed })})`;
}

function run({ leaves, seed }) {
  const streams = { microphone: 0, camera: 1, screen: 4 };
  const pairs = [];
  new BroadcastChannel('pairs').onmessage = ({ data }) => pairs.push(data);
  const keys = Object.assign(window.__keys, { pairs, number: 1, port: undefined });
  const ownersOf = ({ roster }) => roster.flatMap(({ displayName, publications }) => {
    const leaf = leaves[displayName];
    return leaf === undefined ? [] : publications.map(({ source, csrc }) => ({ csrc, leaf, stream: streams[source] }));
  });
  keys.tell = async (session = keys.session) => {
    const { number } = keys;
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${seed}/${number}`));
    const leaf = leaves[session.roster.find(({ id }) => id === session.participantId)?.displayName];
    if (leaf !== undefined) keys.port?.postMessage({ type: 'keys', number, baseKey: digest, leaf, owners: ownersOf(session) }, [digest]);
  };
  // At this time of the wall clock, which all pages of a machine share; resolves with when it was.
  keys.rekey = async (at = Date.now()) => {
    await new Promise((done) => setTimeout(done, at - Date.now()));
    keys.number += 1;
    await keys.tell();
    return Date.now();
  };
  keys.begin = (session) => {
    session.frames.start((port) => {
      keys.port = port;
      void keys.tell(session);
    });
    let told = false;
    session.on('roster', () => {
      if (told) return keys.port?.postMessage({ type: 'owners', owners: ownersOf(session) });
      told = session.roster.length > 0;
      if (told) void keys.tell(session);
    });
  };
}

// watchFrames returns the script that notes what a page with keys of its own refuses, seals under and opens, as staticKeys does.
export const watchFrames = `(${watch})()`;

function watch() {
  const keys = { session: undefined, refused: {}, opened: {}, sending: [], states: [] };
  Object.defineProperty(window, '__keys', { value: keys });
  const wait = () => {
    const session = window.__alcove?.session;
    if (!session) return setTimeout(wait, 5);
    keys.session = session;
    session.frames.on('refused', (counts) => {
      for (const [name, count] of Object.entries(counts)) keys.refused[name] = (keys.refused[name] ?? 0) + count;
    });
    session.frames.on('opened', ({ csrc, leaf }) => { keys.opened[csrc] = leaf; });
    session.frames.on('sending', ({ number, raises }) => keys.sending.push(`${number}/${raises}`));
    session.frames.on('state', (state) => keys.states.push(state));
    keys.begin?.(session);
  };
  wait();
  // How late a timer of the page was at most since the last call: a machine that keeps a page waiting delays frames and keys alike.
  let lag;
  keys.lag = () => {
    const most = lag ?? 0;
    if (lag === undefined) {
      let due = performance.now();
      setInterval(() => {
        lag = Math.max(lag, performance.now() - due);
        due = performance.now() + 50;
      }, 50);
    }
    lag = 0;
    return most;
  };
}

// What a page refused so far, by name.
export const refused = (person) => person.page.evaluate(() => window.__keys.refused);

// rekey gives everybody the next epoch, one after the other, stepMs apart. Returns how long it took from the first to the last page.
export async function rekey(people, stepMs = 50) {
  const begin = Date.now() + 500;
  const times = await Promise.all(people.map(({ page }, i) => page.evaluate((at) => window.__keys.rekey(at), begin + i * stepMs)));
  return Math.max(...times) - Math.min(...times);
}

// refusedDuring: what a page refuses in the time that the function takes, by name.
export async function refusedDuring(people, act) {
  const before = await Promise.all(people.map(refused));
  await act();
  await new Promise((done) => setTimeout(done, 1_100)); // reports come once a second
  const after = await Promise.all(people.map(refused));
  return Object.fromEntries(after.map((all, i) => {
    const more = Object.entries(all).map(([name, count]) => [name, count - (before[i][name] ?? 0)]).filter(([, count]) => count > 0);
    return [people[i].name, Object.fromEntries(more)];
  }));
}

// lag: how late a timer of these pages was at most since the last time.
export async function lag(people) {
  return Math.max(...await Promise.all(people.map(({ page }) => page.evaluate(() => window.__keys.lag()))));
}

export function assertNothingRefused(byName) {
  assert.deepEqual(Object.fromEntries(Object.entries(byName).filter(([, all]) => Object.keys(all).length > 0)), {});
}

// tamper puts a script in front of the page's frames worker, which changes what leaves it, as a hostile server would: mode `plain`,
// `inner`, `outer`, `replay`, `none`; `crash` ends the worker. Each KID and counter that leaves is noted in the page's __keys.pairs. Before
// the page is opened.
export async function tamper(page) {
  // Where the page makes workers of the files that it has checked: what is served cannot be changed.
  await page.addInitScript(`{
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => make.call(URL, blob.type === 'text/javascript' ? new Blob([${JSON.stringify(`(${beforeWorker})();\n`)}, blob], { type: blob.type }) : blob);
  }`);
  return (mode) => page.evaluate((name) => new BroadcastChannel('tamper').postMessage(name), mode);
}

function beforeWorker() {
  if (globalThis.name !== 'frames-worker') return;
  let mode = 'none';
  const pairs = new BroadcastChannel('pairs');
  new BroadcastChannel('tamper').onmessage = ({ data }) => {
    if (data === 'crash') throw new Error('as a test wishes');
    mode = data;
  };
  let handle;
  Object.defineProperty(globalThis, 'onrtctransform', { get: () => handle, set: (handler) => { handle = handler; } });
  globalThis.addEventListener('rtctransform', ({ transformer }) => {
    const { options } = transformer;
    if (options.direction !== 'send') return handle({ transformer });
    const writer = transformer.writable.getWriter();
    const plain = [];
    let old;
    const outer = options.stream === 0 ? 0 : 1;
    const change = {
      none: (data) => data,
      plain: (_, clear) => clear,
      inner: (data) => flip(data, data.length - 3),
      // The counter, which then is one that never was, and of key frames the size of the picture.
      outer: (data) => flip(data, outer === 0 ? 5 : data[0] & 1 ? 6 : 7),
      replay: (data) => old ?? data,
    };
    const flip = (data, at) => {
      const bent = data.slice();
      bent[at] ^= 0x80;
      return bent;
    };
    handle({ transformer: {
      options,
      readable: transformer.readable.pipeThrough(new TransformStream({
        transform(frame, controller) {
          plain.push(new Uint8Array(frame.data.slice(0)));
          controller.enqueue(frame);
        },
      })),
      writable: new WritableStream({
        write(frame) {
          const sealed = new Uint8Array(frame.data);
          const header = sealed.subarray(outer === 0 ? 0 : sealed[0] & 1 ? 1 : 10).subarray(1, 8);
          pairs.postMessage([...header].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
          const clear = plain.splice(0).at(-1);
          const sent = change[mode](sealed, clear);
          // An old frame of the same outer kind, or the packetizer would call it another.
          if (mode === 'none' && (outer === 0 || sealed[0] & 1)) old = sealed.slice();
          frame.data = sent.slice().buffer;
          return writer.write(frame);
        },
      }),
      generateKeyFrame: (rid) => transformer.generateKeyFrame(rid),
    } });
  });
}
