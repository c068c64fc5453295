// What a recording holds, as ffmpeg reads it, and a camera and a microphone whose recording can be measured.
import { execFileSync, spawnSync } from 'node:child_process';

const rate = 8000; // samples a second: enough to find the beginning of a beep
const step = rate / 200; // 5 ms

const probe = (...args) => JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-of', 'json', ...args], { encoding: 'utf8', maxBuffer: 1 << 28 }));

// flashAndBeep runs inside the page, before its own code: once a second the camera turns white for 120 ms and the microphone beeps.
// Sound is made by a thread of its own, in time; how late the page itself drew each flash is noted in __late, in seconds.
// A device that is asked for by its id is another one: it beeps and flashes half a second later, in a larger picture.
export function flashAndBeep() {
  let context;
  const sources = [];
  window.__late = [];
  const begin = (after, width, height) => {
    const sound = context.createMediaStreamDestination();
    const tone = new OscillatorNode(context, { frequency: 1000 });
    const gain = new GainNode(context, { gain: 0 });
    for (let second = 1 + after; second < 600; second++) {
      gain.gain.setValueAtTime(0.8, second);
      gain.gain.setValueAtTime(0, second + 0.12);
    }
    tone.connect(gain).connect(sound);
    tone.start();
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width, height });
    const pen = canvas.getContext('2d');
    let count = 0;
    let white = false;
    setInterval(() => {
      const since = (context.currentTime - after) % 1;
      const now = since < 0.12 && context.currentTime > 1;
      if (now && !white) window.__late.push(since);
      white = now;
      pen.fillStyle = white ? '#fff' : '#000';
      pen.fillRect(0, 0, width, height);
      pen.fillStyle = '#888'; // something moves, or no frame would be captured
      pen.fillRect(count++ % width, height - 10, 8, 8);
    }, 10);
    return { sound, canvas };
  };
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    const { deviceId } = audio || video;
    context ??= new AudioContext();
    const { sound, canvas } = deviceId ? sources[1] ??= begin(0.5, 640, 360) : sources[0] ??= begin(0, 240, 136);
    await context.resume();
    const stream = audio ? new MediaStream(sound.stream.getAudioTracks().map((track) => track.clone())) : canvas.captureStream(30);
    for (const track of stream.getTracks()) track.getSettings = () => ({ deviceId: deviceId?.exact });
    return stream;
  };
}

// about gives the length and the kinds of streams.
export function about(file) {
  const { format, streams } = probe('-show_format', '-show_streams', file);
  return { seconds: Number(format.duration), codecs: streams.map(({ codec_name: name }) => name).sort() };
}

// times gives when the packets of a kind (a or v) play, in seconds.
export function times(file, kind) {
  return probe('-select_streams', kind, '-show_entries', 'packet=pts_time', file).packets.map((packet) => Number(packet.pts_time));
}

// sizes gives the sizes of the pictures, in order, each change once.
export function sizes(file) {
  const all = probe('-select_streams', 'v', '-show_entries', 'frame=width,height', file).frames.map(({ width, height }) => `${width}x${height}`);
  return all.filter((size, i) => size !== all[i - 1]);
}

// complaints are what a decoder says that reads all of it. What ffmpeg says of times is about those that it makes up for its output:
// browsers send pictures at no fixed rate.
export function complaints(file) {
  const { status, stderr } = spawnSync('ffmpeg', ['-v', 'warning', '-xerror', '-i', file, '-f', 'null', '-'], { encoding: 'utf8' });
  const said = stderr.split('\n').filter((line) => line && !/non monotonically increasing dts to muxer|Last message repeated/.test(line));
  return status === 0 ? said.join('\n') : `exit ${status}: ${stderr}`;
}

// flashes gives when the picture turns white.
export function flashes(file) {
  const source = `movie=${file.replaceAll(/([\\':,;[\]])/g, '\\$1')},signalstats`;
  const { frames } = probe('-f', 'lavfi', '-show_entries', 'frame=pts_time:frame_tags=lavfi.signalstats.YAVG', source);
  const seen = frames.map((frame) => ({ at: Number(frame.pts_time), white: Number(frame.tags['lavfi.signalstats.YAVG']) > 128 }));
  return seen.filter(({ white }, i) => white && i > 0 && !seen[i - 1].white).map(({ at }) => at);
}

// beeps gives when a beep begins. Gaps are filled with silence, so that samples count time.
export function beeps(file) {
  const raw = execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-vn', '-af', 'aresample=async=1:first_pts=0', '-ac', '1', '-ar', String(rate),
    '-f', 'f32le', '-'], { maxBuffer: 1 << 28 });
  const samples = new Float32Array(raw.buffer, raw.byteOffset, raw.length >> 2);
  const loud = [];
  for (let at = 0; at + step <= samples.length; at += step) loud.push(samples.subarray(at, at + step).reduce((sum, x) => sum + x * x, 0) / step > 0.01);
  return loud.flatMap((is, i) => (is && i >= 10 && !loud.slice(i - 10, i).includes(true) ? [(i * step) / rate] : []));
}

// offset is the median of how much later the sound of a flash comes, in seconds.
export function offset(file) {
  const sounds = beeps(file);
  const all = flashes(file).flatMap((flash) => {
    const near = sounds.map((beep) => beep - flash).sort((a, b) => Math.abs(a) - Math.abs(b))[0];
    return near !== undefined && Math.abs(near) < 0.5 ? [near] : [];
  });
  return { pairs: all.length, median: median(all) };
}

export const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
