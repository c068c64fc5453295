// The demo with a browser beside it; both end with the test.
import { startDaemon } from './daemon.mjs';
import { launch, Person } from './person.mjs';

// mode is that of end-to-end encryption; options are those of the browser.
export async function startDemo(t, { mode, ...options } = {}) {
  const daemon = await startDaemon(['dev', '--admin', '127.0.0.1:9091'], undefined, undefined, mode);
  const browser = await launch(options);
  t.after(async () => {
    await browser.close();
    await daemon.stop();
  });
  const people = [];
  // One opens a link; the scripts run in the page before its own code.
  const enter = async (name, url, ...scripts) => {
    const person = await Person.open(browser, name, url, ...scripts);
    people.push(person);
    return person;
  };
  return { daemon, browser, people, enter };
}
