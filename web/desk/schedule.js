/** Loads the days on show and keeps them true: by the feed, and while that is away by asking again. */
import { get, Refused, Unreachable } from "../lib/api.js";
import { me } from "../lib/session.js";
import { daysAfter } from "../lib/times.js";
import { batch } from "../lib/ui.js";
import { Feed } from "./live.js";
import {
  announced,
  bookings,
  categoryResources,
  closures,
  day,
  isApiAway,
  isFeedOff,
  isLoaded,
  refusal,
  resources,
  sessions,
  slots,
  view,
} from "./state.js";
import { STATUSES } from "./statuses.js";

const PAGE = 500;
const PAGES_MAX = 6;
const IDS_MAX = 100;
/** What one transaction did comes within milliseconds; in a stream of news more are gathered for each reading. */
const SOON_MS = 5;
const GATHER_MS = 100;
const STREAM_MS = 150;
const AGAIN_MS = 2000;
const POLL_MS = 4000;

/** @type {AbortController | null} */
let loading = null;
let timer = 0;
/** @type {Set<number>} */
const told = new Set();
/** @type {Set<number>} */
const made = new Set();
/** When news were read last. */
let readAt = Number.NEGATIVE_INFINITY;

export const feed = new Feed({
  news: (message) => {
    if (message.type === "booking_created") made.add(message.data.id);
    told.add(message.data.id);
    if (told.size === 1) window.setTimeout(readTold, performance.now() - readAt < STREAM_MS ? GATHER_MS : SOON_MS);
  },
  reload: () => load(),
  state: (isOn) => {
    isFeedOff.value = !isOn;
  },
  ended: () => {
    me.value = null;
  },
});

/** First and last day on show. */
export function days() {
  if (view.value !== "week") return { start_date: day.value, end_date: day.value };
  const weekday = (new Date(`${day.value}T00:00:00Z`).getUTCDay() + 6) % 7;
  const monday = daysAfter(day.value, -weekday);
  return { start_date: monday, end_date: daysAfter(monday, 6) };
}

/** @param {Record<string, string | number | number[]>} values */
export function query(values) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) found.append(name, String(one));
  }
  return found.toString();
}

/** All that takes place on the days on show; again and again until there is an answer. */
export async function load() {
  loading?.abort();
  clearTimeout(timer);
  const mine = new AbortController();
  loading = mine;
  try {
    await loadOnce(days(), mine.signal);
    isApiAway.value = false;
  } catch (problem) {
    if (!mine.signal.aborted) failed(problem);
  }
}

/** Away: it is asked again. A login that has ended asks for another; any other refusal is said. @param {unknown} problem */
function failed(problem) {
  if (problem instanceof Unreachable) {
    isApiAway.value = true;
    clearTimeout(timer);
    timer = window.setTimeout(load, AGAIN_MS);
  } else if (problem instanceof Refused && problem.status === 401) {
    me.value = null;
  } else if (problem instanceof Refused) {
    refusal.value = { title: "The day cannot be shown", words: problem.message };
  } else {
    throw problem;
  }
}

/** @param {import("./live.js").Days} range @param {AbortSignal} signal */
async function loadOnce(range, signal) {
  const first = await page(range, 0, signal);
  const found = [...first.bookings];
  for (let more = first.more, number = 1; more && number < PAGES_MAX; number += 1) {
    const next = await page(range, number * PAGE, signal);
    found.push(...next.bookings);
    more = next.more;
  }
  const offered = await offeredSlots(range, signal);
  await learnResources([...found, ...first.sessions]);
  batch(() => {
    bookings.value = new Map(found.map((one) => [one.id, one]));
    sessions.value = first.sessions;
    closures.value = first.closures;
    slots.value = offered;
    isLoaded.value = true;
  });
  feed.follow(range, first.position);
}

/** @param {import("./live.js").Days} range @param {number} offset @param {AbortSignal} signal */
const page = (range, offset, signal) =>
  get(`/api/admin/schedule/?${query({ ...range, limit: PAGE, offset })}`, { signal });

/** @param {import("./live.js").Days} range @param {AbortSignal} signal @returns {Promise<import("./state.js").Slot[]>} */
async function offeredSlots(range, signal) {
  if (categoryResources.value.size === 0) return [];
  return await get(`/api/timeslots/?${query({ ...range, limit: PAGE })}`, { signal });
}

/** What can be booked, and which resource each category has. */
export async function loadResources() {
  const [listed, categories] = await Promise.all([
    get("/api/admin/resources/?limit=500"),
    get("/api/admin/categories/"),
  ]);
  batch(() => {
    resources.value = listed.data;
    categoryResources.value = new Map(categories.map((/** @type {any} */ one) => [one.id, one.resource_id]));
  });
}

/** Something that was made since takes place: its column is missing. @param {{resource_id: number}[]} found */
async function learnResources(found) {
  const known = new Set(resources.value.map((one) => one.id));
  if (found.some((one) => !known.has(one.resource_id))) await loadResources();
}

/** Read anew what the feed named: it may have come, changed, or left these days. */
async function readTold() {
  readAt = performance.now();
  const ids = [...told];
  const isNew = new Set(made);
  told.clear();
  made.clear();
  try {
    for (let at = 0; at < ids.length; at += IDS_MAX) await refresh(ids.slice(at, at + IDS_MAX), isNew);
  } catch (problem) {
    failed(problem);
  }
}

/** @param {number[]} ids @param {Set<number>} [isNew] */
export async function refresh(ids, isNew = new Set()) {
  const range = days();
  const path = `/api/admin/schedule/?${query({ ...range, booking_id: ids })}`;
  /** @type {import("./state.js").Booking[]} */
  const found = (await get(path)).bookings;
  if (range.start_date !== days().start_date || range.end_date !== days().end_date) return;
  await learnResources(found);
  const next = new Map(bookings.value);
  for (const id of ids) if (!found.some((one) => one.id === id)) next.delete(id);
  for (const one of found) if ((next.get(one.id)?.version ?? 0) <= one.version) next.set(one.id, one);
  const arrived = found.filter((one) => isNew.has(one.id) && !bookings.value.has(one.id));
  bookings.value = next;
  if (arrived.length > 0) announced.value = arrived.map(inWords).join(" ");
  if (found.some((one) => one.session_id !== null || one.contract === "calendar")) await loadBeside(range);
}

/** @param {import("./state.js").Booking} one */
const inWords = (one) =>
  `New booking: ${one.service_name}, ${one.user.name}, ${one.booking_date} at ${one.booking_time.slice(0, 5)}, ${STATUSES[one.status].words}.`;

/** Seats, and which slots are taken. @param {import("./live.js").Days} range */
async function loadBeside(range) {
  const signal = new AbortController().signal;
  const [first, offered] = await Promise.all([
    get(`/api/admin/schedule/?${query({ ...range, limit: 1 })}`),
    offeredSlots(range, signal),
  ]);
  if (range.start_date !== days().start_date || range.end_date !== days().end_date) return;
  batch(() => {
    sessions.value = first.sessions;
    closures.value = first.closures;
    slots.value = offered;
  });
}

/** While the feed is away the days are asked for again and again. Returns what ends it. */
export function pollWhileDeaf() {
  const poll = window.setInterval(() => {
    if (isFeedOff.value && !isApiAway.value && isLoaded.value) load().catch(() => {});
  }, POLL_MS);
  return () => {
    clearInterval(poll);
    clearTimeout(timer);
    feed.stop();
  };
}
