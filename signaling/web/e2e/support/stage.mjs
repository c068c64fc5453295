// Stages of one long session: each builds on the one before, so the first that fails ends the test and says all it knows.
import { out } from './person.mjs';

export async function stages(t, { people, daemon }, list) {
  for (const [name, run] of list) {
    let failed;
    await t.test(name, async () => {
      try {
        await run();
      } catch (error) {
        failed = error;
        await tell(name, people, daemon);
        throw error;
      }
    });
    if (failed) throw new Error(`the stage "${name}" failed: ${failed.message}`); // again, because what is said last is found first
  }
}

async function tell(stage, people, daemon) {
  for (const person of people) {
    const file = `failed-${stage}-${person.name}`.replaceAll(/[^\w-]+/g, '-');
    await person.shot(file).catch(() => undefined);
    console.log(`--- ${person.name}: ${out}${file}.png\n${person.lines.slice(-30).join('\n')}`);
    console.log(JSON.stringify(await person.media().catch(String)));
    console.log(person.frames?.slice(-12).map((f) => `${f.sent ? '>' : '<'} ${JSON.stringify(f.frame).slice(0, 300)}`).join('\n') ?? '');
  }
  console.log(`--- daemon\n${daemon().log().slice(-6000)}\n${await daemon().metrics().catch(String)}`);
}
