/** Local times of a zone and instants, both ways: what the API wants as an instant is entered as a clock shows it. */

/** `2030-01-07 10:00:00`, as a clock in the zone shows it. @param {string | Date} instant @param {string} zone */
export const localClock = (instant, zone) =>
  new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" }).format(
    new Date(instant),
  );

/**
 * The instant at which a clock in the zone shows this; of two the first, of a skipped one what comes after it.
 * @param {string} date
 * @param {string} time
 * @param {string} zone
 */
export function instantOf(date, time, zone) {
  const asUtc = new Date(`${date}T${time.slice(0, 5)}:00Z`).getTime();
  const candidates = [-1, 0, 1].map((days) => {
    const near = new Date(asUtc + days * 86_400_000);
    return asUtc - (new Date(`${localClock(near, zone).replace(" ", "T")}Z`).getTime() - near.getTime());
  });
  const wanted = `${date} ${time.slice(0, 5)}:00`;
  const found = candidates.filter((one) => localClock(new Date(one), zone) === wanted);
  return new Date(Math.min(...(found.length > 0 ? found : candidates.slice(1, 2)))).toISOString();
}
