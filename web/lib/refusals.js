/** The API's refusals in the viewer's language, by their codes. In English its own sentence says more. */
import { language, t } from "./words.js";

/** @type {Record<string, () => string>} */
const WORDS = {
  slot_taken: () => t("Somebody else has booked this time."),
  session_full: () => t("This session is full."),
  session_cancelled: () => t("This session does not take place."),
  already_booked: () => t("You have a seat in this session already."),
  already_waiting: () => t("You are waiting for a seat in this session already."),
  seats_left: () => t("There are free seats: book one."),
  in_the_past: () => t("This time is over. Choose a later one."),
  too_soon: () => t("It is too late to book this time: it begins too soon."),
  too_far_ahead: () => t("This time is too far ahead to be booked yet."),
  outside_working_hours: () => t("Nobody works at this time. Choose another one."),
  off_day: () => t("It is closed on this day. Choose another one."),
  closed: () => t("It is closed at this time. Choose another one."),
  too_many_guests: () => t("There is not enough room for so many guests."),
  too_many_holds: () => t("Pay for what is held for you first, or wait until it is free again."),
  too_late_to_move: () => t("It is too late to move this booking."),
  already_begun: () => t("This booking has begun already."),
  invalid_transition: () => t("This cannot be done with the booking any more."),
  hold_ended: () => t("The time to pay for this booking is over."),
  not_payable: () => t("The time to pay for this booking is over."),
  already_paid: () => t("Nothing is left to pay for this booking."),
  payments_unavailable: () => t("Payments are not answered right now. The place is still held; try again in a moment."),
  wrong_credentials: () => t("There is no such account, or this is not its password."),
  email_taken: () => t("There is an account with this address. Sign in instead."),
  too_many_requests: () => t("Too many requests. Try again in a moment."),
  maintenance: () => t("Nothing can be changed for now. Try again later."),
  invalid: () => t("Something is missing or written in another way than expected."),
};

/** @param {any} body of the error shape */
export function sentenceOf(body) {
  const known = language.value === "en" ? undefined : WORDS[body?.code]?.();
  return known || body?.message || t("That did not work");
}
