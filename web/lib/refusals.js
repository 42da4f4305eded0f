/** The API's refusals in the viewer's language, by their codes and fields. In English its own sentence says more. */
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
  no_room_free: () => t("No room is free at this time. Choose another one."),
  busy_in_calendar: () => t("Somebody else has booked this time."),
  local_time_skipped: () => t("This time does not exist on that day: the clocks go forward over it."),
  off_grid: () => t("This time cannot be had. Choose another one."),
  wrong_duration: () => t("This time cannot be had. Choose another one."),
  session_wanted: () => t("Choose one of its sessions."),
  changed_meanwhile: () => t("This offer has changed meanwhile. Look at it again, then book."),
  service_not_found: () => t("This cannot be booked any more. Choose something else."),
  service_inactive: () => t("This cannot be booked any more. Choose something else."),
  unknown_service: () => t("This cannot be booked any more. Choose something else."),
  room_not_found: () => t("This cannot be booked any more. Choose something else."),
  category_not_found: () => t("This cannot be booked any more. Choose something else."),
  time_slot_not_found: () => t("This time is not free any more."),
  session_not_found: () => t("This session does not take place."),
  practitioner_not_found: () => t("This practitioner does not offer it any more. Choose another one."),
  location_not_found: () => t("It does not take place there any more. Choose another place."),
  no_settings: () => t("Nothing can be booked here yet."),
  not_chargeable: () => t("This costs less than can be paid here. Book more of it, or ask the staff."),
  phone_in_use: () => t("Somebody else's account has this phone number as its name. Ask the staff."),
  user_not_found: () => t("There is no such account any more. Sign in again."),
  not_waiting: () => t("You are not waiting for a seat in this session."),
  booking_not_found: () => t("There is no such booking, or it is not yours."),
  command_not_found: () => t("There is no such booking, or it is not yours."),
  not_found: () => t("There is no such booking, or it is not yours."),
  not_movable: () => t("The time of this booking cannot be changed."),
  not_begun: () => t("This booking has not begun yet."),
  decided_too_late: () => t("It took too long, so nothing was done. Try again."),
  withdrawn: () => t("It took too long, so nothing was done. Try again."),
  command_failed: () => t("Something went wrong here, and nothing was done. Ask the staff."),
  internal_error: () => t("Something went wrong here. Try again in a moment, or ask the staff."),
  amount_mismatch: () => t("The price has changed meanwhile. Load this page again."),
  currency_mismatch: () => t("The price has changed meanwhile. Load this page again."),
  too_many_payments: () => t("Too many payments were begun. Cancel this booking, and book it again."),
  payment_refused: () => t("This cannot be paid here. Ask the staff."),
  payments_not_set_up: () => t("Nothing can be paid here until the operator sets up payments."),
  not_authenticated: () => t("Your login has ended. Sign in again."),
  bad_credential: () => t("Your login has ended. Sign in again."),
  csrf_failed: () => t("Load this page again, then try once more."),
  origin_not_allowed: () => t("Load this page again, then try once more."),
  password_change_required: () => t("Change your first password in your account, then book."),
  account_closed: () => t("This account is closed. Ask the staff."),
  forbidden: () => t("This account may not do that."),
  verb_forbidden: () => t("This account may not do that."),
  answer_removed: () => t("This was done before, for somebody whose account is gone."),
  idempotency_key_reused: () => t("Load this page again, then try once more."),
};

/** What to write in a field, by its name. @type {Record<string, () => string>} */
const FIELDS = {
  phone: () => t("Write the number with its country code, such as +49 30 901820."),
  email: () => t("Write an e-mail address, such as name@example.com."),
  password: () => t("Choose another password: a long one that others do not guess."),
  confirm_password: () => t("Choose another password: a long one that others do not guess."),
  first_name: () => t("Write a name, without < and >."),
  last_name: () => t("Write a name, without < and >."),
  notes: () => t("Write this shorter, or in other words."),
  special_requests: () => t("Write this shorter, or in other words."),
  client_notes: () => t("Write this shorter, or in other words."),
  guest_count: () => t("Write how many come, as a number."),
  start_date: () => t("This time cannot be had. Choose another one."),
  start_time: () => t("This time cannot be had. Choose another one."),
};

/** The API's own words beside ours, each in its direction. @param {string} ours @param {string | undefined} its */
const withDetail = (ours, its) => (its ? `${ours} \u2068(${its})\u2069` : ours);

/** @param {any} body of the error shape */
export function sentenceOf(body) {
  if (language.value === "en" && body?.message) return body.message;
  return WORDS[body?.code]?.() ?? withDetail(t("That did not work"), body?.message);
}

/** What is wrong with a field. The API's sentence says it exactly, so it stays beside ours. @param {{field: string, message: string}} problem */
export function problemOf({ field, message }) {
  if (language.value === "en") return { field, message };
  const ours = FIELDS[field]?.() ?? t("This is written in another way than expected.");
  return { field, message: withDetail(ours, message) };
}
