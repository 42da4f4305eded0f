// Reads calendar files by ical.js alone: `node calendars.mjs CASES`. It prints how many entries it read as they were meant.
import assert from "node:assert";
import { readFileSync } from "node:fs";

import ICAL from "ical.js";

function read(file) {
  const calendar = new ICAL.Component(ICAL.parse(file));
  ICAL.TimezoneService.reset();
  for (const zone of calendar.getAllSubcomponents("vtimezone")) {
    ICAL.TimezoneService.register(new ICAL.Timezone(zone));
  }
  return calendar.getAllSubcomponents("vevent").map((component) => {
    const event = new ICAL.Event(component);
    const [starts, ends] = [event.startDate, event.endDate].map((time) => time.toJSDate().toISOString());
    const status = component.getFirstPropertyValue("status");
    return { uid: event.uid, starts, ends, summary: event.summary, status, sequence: event.sequence };
  });
}

let entries = 0;
for (const { name, file, meant } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  assert.deepStrictEqual(read(file), meant, name);
  entries += meant.length;
}
console.log(entries);
