/** The day (or week) as a grid: a column for each resource. Events are dragged to move and pulled to lengthen. */
import { effect, html, untracked, useEffect, useRef } from "../lib/ui.js";
import { move } from "./changes.js";
import { localClock } from "./local_time.js";
import {
  bookings,
  categoryResources,
  closures,
  day,
  isMovable,
  isReleased,
  panel,
  resourceOf,
  saving,
  sessions,
  shownBookings,
  shownResources,
  showsReleased,
  slots,
  view,
} from "./state.js";
import { STATUSES } from "./statuses.js";

/** @typedef {import("./state.js").Booking} Booking */
/** @type {any} The library puts itself here. */
const { EventCalendar } = /** @type {any} */ (globalThis);
const SLOT = "00:30";
const TABLE_WORDS = [
  "role",
  "aria-colindex",
  "aria-rowindex",
  "aria-colspan",
  "aria-rowspan",
  "aria-colcount",
  "aria-rowcount",
];

export function Grid() {
  /** @type {{current: HTMLDivElement | null}} */
  const place = useRef(null);
  useEffect(() => {
    const calendar = EventCalendar.create(place.current, OPTIONS());
    const ends = [
      effect(() => calendar.setOption("resources", columns())),
      effect(() => show(calendar, events())),
      effect(() => calendar.setOption("date", day.value)),
      effect(() => calendar.setOption("view", view.value === "week" ? "timeGridWeek" : "resourceTimeGridDay")),
    ];
    const plain = new MutationObserver(() => unsay(place.current));
    plain.observe(/** @type {HTMLElement} */ (place.current), { childList: true, subtree: true });
    unsay(place.current);
    return () => {
      plain.disconnect();
      for (const end of ends) end();
      EventCalendar.destroy(calendar);
    };
  }, []);
  return html`<div class="desk-grid" ref=${place}></div>`;
}

/** How many events may change one by one: beyond that all are given anew. */
const FEW = 40;
/** By calendar: what it shows, as it was given, by id. @type {WeakMap<object, Map<string, string>>} */
const given = new WeakMap();

/** What did not change keeps its element: a day of hundreds takes one more without being drawn anew. @param {any} calendar @param {{id: string}[]} wanted */
function show(calendar, wanted) {
  const before = given.get(calendar);
  const now = new Map(wanted.map((one) => [one.id, JSON.stringify(one)]));
  given.set(calendar, now);
  const gone = [...(before?.keys() ?? [])].filter((id) => !now.has(id));
  const changed = wanted.filter((one) => before?.get(one.id) !== now.get(one.id));
  if (before === undefined || gone.length + changed.length > FEW) {
    calendar.setOption("events", wanted);
    return;
  }
  for (const id of gone) calendar.removeEventById(id);
  for (const one of changed) {
    if (before.has(one.id)) calendar.updateEvent(one);
    else calendar.addEvent(one);
  }
}

/** The library calls its boxes a table without its rows and cells, which tells less than nothing. @param {HTMLElement | null} grid */
function unsay(grid) {
  for (const one of grid?.querySelectorAll(TABLE_WORDS.map((name) => `[${name}]`).join()) ?? []) {
    if (one.classList.contains("ec-event")) continue;
    for (const name of TABLE_WORDS) one.removeAttribute(name);
  }
}

const columns = () =>
  shownResources.value.length > 0
    ? shownResources.value.map((one) => ({ id: one.id, title: one.name }))
    : [{ id: 0, title: "Nothing to book yet" }];

const OPTIONS = () => ({
  view: "resourceTimeGridDay",
  date: untracked(() => day.value),
  headerToolbar: { start: "", center: "", end: "" },
  allDaySlot: false,
  firstDay: 1,
  scrollTime: "08:00:00",
  height: "70vh",
  slotDuration: SLOT,
  slotHeight: 28,
  nowIndicator: true,
  locale: "en-GB",
  slotLabelFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
  eventTimeFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
  editable: true,
  eventContent: content,
  eventDidMount: told,
  eventClick: (/** @type {any} */ { event }) => open(event),
  dateClick: (/** @type {any} */ { dateStr, resource }) => {
    panel.value = {
      what: "new",
      at: { date: dateStr.slice(0, 10), time: dateStr.slice(11, 16), resource_id: resource?.id },
    };
  },
  eventDrop: (/** @type {any} */ { event, newResource, revert }) => moved(event, newResource?.id, revert),
  eventResize: (/** @type {any} */ { event, revert }) => moved(event, undefined, revert),
});

/** The library has moved it already: it stays so, marked, until the engine has decided. @param {any} event @param {any} resourceId @param {() => void} revert */
function moved(event, resourceId, revert) {
  const one = bookings.value.get(event.extendedProps.booking);
  if (one === undefined) return revert();
  const minutes = Math.round((event.end.getTime() - event.start.getTime()) / 60_000);
  const at = naive(event.start);
  revert();
  move(one, {
    date: at.slice(0, 10),
    time: at.slice(11, 16),
    minutes,
    resource_id: Number(resourceId ?? one.resource_id),
  });
}

/** The grid's dates have the clock of what they show. @param {Date} date */
function naive(date) {
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** @param {any} event */
function open(event) {
  const { booking, session } = event.extendedProps;
  if (booking !== undefined) panel.value = { what: "booking", id: booking };
  else if (session !== undefined) panel.value = { what: "session", id: session };
}

function events() {
  const isShown = new Set(shownResources.value.map((one) => one.id));
  return [
    ...slots.value.map(slotEvent),
    ...closures.value.map(closureEvent),
    ...sessions.value.filter((one) => !one.is_canceled).map(sessionEvent),
    ...shownBookings.value
      .filter((one) => one.session_id === null && (showsReleased.value || !isReleased(one)))
      .map(bookingEvent),
  ].filter((one) => isShown.has(one.resourceIds[0]));
}

/** @param {Booking} one */
function bookingEvent(one) {
  const asked = saving.value.get(one.id);
  return {
    id: `b${one.id}`,
    resourceIds: [one.resource_id],
    start: `${one.booking_date} ${one.booking_time}`,
    end: plus(one.booking_date, one.booking_time, one.duration_minutes),
    editable: isMovable(one) && asked === undefined,
    title: one.service_name,
    classNames: ["desk-event", `is-${one.status}`, ...(asked ? ["is-saving"] : [])],
    extendedProps: { booking: one.id, lines: bookingLines(one, asked?.words) },
  };
}

/** @param {Booking} one @param {string | undefined} doing */
function bookingLines(one, doing) {
  const { sign, words } = STATUSES[one.status];
  return [`${sign} ${one.user.name}`, one.service_name, doing ? `Saving: ${doing.toLowerCase()} …` : words];
}

/** @param {import("./state.js").Session} one */
function sessionEvent(one) {
  const seats = `${one.seats_taken} of ${one.capacity} seats`;
  return {
    id: `s${one.id}`,
    resourceIds: [one.resource_id],
    start: `${one.session_date} ${one.session_time}`,
    end: plus(one.session_date, one.session_time, one.duration_minutes),
    editable: false,
    title: one.service_name,
    classNames: ["desk-event", "is-session"],
    extendedProps: {
      session: one.id,
      lines: [`⚇ ${one.title || one.service_name}`, one.waiting > 0 ? `${seats}, ${one.waiting} waiting` : seats],
    },
  };
}

/** @param {import("./state.js").Closure} one */
function closureEvent(one) {
  return {
    id: `c${one.id}`,
    resourceIds: [one.resource.id],
    start: `${one.start_date} ${one.start_time ?? "00:00:00"}`,
    end: one.end_time ? `${one.end_date} ${one.end_time}` : plus(one.end_date, "00:00:00", 24 * 60),
    editable: false,
    title: one.reason || "Closed",
    classNames: ["desk-event", "is-closure"],
    extendedProps: { lines: [`⊘ ${one.reason || "Closed"}`] },
  };
}

/** @param {import("./state.js").Slot} one */
function slotEvent(one) {
  const resourceId = categoryResources.value.get(one.category.id) ?? 0;
  const zone = resourceOf(resourceId)?.zone ?? "UTC";
  return {
    id: `t${one.id}`,
    resourceIds: [resourceId],
    start: localClock(one.start_time, zone),
    end: localClock(one.end_time, zone),
    display: "background",
    classNames: ["desk-slot"],
    title: one.is_booked ? "Taken slot" : "Free slot",
    extendedProps: { lines: [] },
  };
}

/** @param {string} date @param {string} time @param {number} minutes */
function plus(date, time, minutes) {
  const end = new Date(new Date(`${date}T${time}Z`).getTime() + minutes * 60_000);
  return end.toISOString().slice(0, 19).replace("T", " ");
}

/** As nodes: the library's own markup is never used. Its time is for screen readers; the grid shows it. @param {{event: any}} info */
function content({ event }) {
  if (event.display === "background") return "";
  /** @type {string[]} */
  const lines = event.extendedProps.lines;
  const [from, to] = [naive(event.start), naive(event.end)];
  const at = `, ${from.slice(11)} to ${to.slice(11)}`;
  // What follows the mouse, or lasts over midnight, is several elements of one event, and nodes stand in one alone.
  const isAlone = event.display === "auto" && from.slice(0, 10) === to.slice(0, 10);
  const known = isAlone ? drawn.get(event.extendedProps) : undefined;
  if (known?.at === at) return known.made;
  const made = {
    domNodes: [...lines, at].map((line, number) =>
      node(line, CLASSES[number === lines.length ? 2 : Math.min(number, 1)]),
    ),
  };
  if (isAlone) drawn.set(event.extendedProps, { at, made });
  return made;
}

/** By what an event was given: its nodes. The library asks for them whenever anything changes. @type {WeakMap<object, {at: string, made: {domNodes: Node[]}}>} */
const drawn = new WeakMap();

const CLASSES = ["desk-event__name", "desk-event__line", "sr-only"];

/** @param {string} text @param {string} name */
function node(text, name) {
  const made = document.createElement("div");
  made.className = name;
  made.textContent = text;
  return made;
}

/** Reached by the Tab key, opened by Enter or Space. @param {{event: any, el: HTMLElement}} info */
function told({ event, el }) {
  if (event.display === "background") return;
  el.removeAttribute("aria-label");
  el.dataset.booking = String(event.extendedProps.booking ?? "");
  el.title = event.extendedProps.lines.join(", ");
}
