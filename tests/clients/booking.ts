// Books by the generated client alone: `node booking.js URL TOKEN DAY`. Its answer is the booking's id.
import assert from "node:assert";

import { AppointmentsApi, CommandAcceptedFromJSON, CommandsApi, Configuration, ErrorBodyFromJSON, ResponseError } from "./generated";

async function main(url: string, token: string, day: string): Promise<void> {
  const configuration = new Configuration({ basePath: url, accessToken: token });
  const appointments = new AppointmentsApi(configuration);
  const free = await appointments.getBookingSmartAvailableSlots({ date: new Date(day) });
  const [first, second] = free.availableSlots.map((slot) => slot.time);
  const wanted = { serviceName: "Legal Consultation", bookingDate: new Date(day), bookingTime: first };
  const booked = await appointments.postBookingCreate({ newBooking: wanted });
  assert.deepStrictEqual([booked.data.bookingTime, booked.data.status], [first, "upcoming"]);

  const refused = await appointments.postBookingCreate({ newBooking: wanted }).catch((problem: unknown) => problem);
  assert(refused instanceof ResponseError);
  assert.strictEqual(ErrorBodyFromJSON(await refused.response.json()).code, "slot_taken");

  const later = { newBooking: { ...wanted, bookingTime: second }, prefer: "respond-async" };
  const answer = (await appointments.postBookingCreateRaw(later)).raw;
  const command = CommandAcceptedFromJSON(await answer.json());
  const found = await new CommandsApi(configuration).getCommandsCommandId({ commandId: command.id, prefer: "wait=20" });
  assert.deepStrictEqual([answer.status, found.status], [202, "succeeded"]);
  console.log(booked.data.id);
}

main(process.argv[2], process.argv[3], process.argv[4]).catch((problem: unknown) => {
  console.error(problem);
  process.exit(1);
});
