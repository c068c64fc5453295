// The steps of one long session. Each builds on the one before, so the first failure ends the test and prints the state of all people.
import { out } from './person.mjs';

export async function steps(t, { people, daemon }, list) {
  for (const [name, run] of list) {
    let failed;
    await t.test(name, async () => {
      try {
        await run();
      } catch (error) {
        failed = error;
        await report(name, people, daemon);
        throw error;
      }
    });
    if (failed) throw new Error(`the step "${name}" failed: ${failed.message}`); // repeated, because the end of the output is read first
  }
}

async function report(step, people, daemon) {
  for (const person of people) {
    const file = `failed-${step}-${person.name}`.replaceAll(/[^\w-]+/g, '-');
    await person.shot(file).catch(() => undefined);
    console.log(`--- ${person.name}: ${out}${file}.png\n${person.lines.slice(-30).join('\n')}`);
    console.log(JSON.stringify(await person.media().catch(String)));
    console.log(person.frames?.slice(-12).map((f) => `${f.sent ? '>' : '<'} ${JSON.stringify(f.frame).slice(0, 300)}`).join('\n') ?? '');
  }
  console.log(`--- daemon\n${daemon().log().slice(-6000)}\n${await daemon().metrics().catch(String)}`);
}
