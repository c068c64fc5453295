// Waiting for conditions, never for time.

const step = 50;

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// until polls a condition; what it returns is passed on as soon as it is truthy. The last error, or value, is named when
// the deadline passes.
export async function until(what, condition, ms = 30_000) {
  const deadline = performance.now() + ms;
  let last;
  for (;;) {
    try {
      last = await condition();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${ms} ms: ${what} (last: ${last instanceof Error ? last.message : JSON.stringify(last)})`);
    }
    await pause(step);
  }
}
