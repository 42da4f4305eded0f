/**
 * Puts the booking page into somebody else's page, where this script stands (docs/embedding.md). It makes a frame and gives it the height that the page within asks for. Where the frame stays empty (the origin is not
 * allowed, the service is away), a link takes its place.
 */
(() => {
  const SAID_WITHIN_MS = 4000;
  const LOADED_WITHIN_MS = 20_000;
  const HEIGHT_MIN_PX = 320;
  const HEIGHT_MAX_PX = 20_000;

  const script = /** @type {HTMLScriptElement | null} */ (
    document.currentScript ?? document.querySelector('script[src$="/book/embed.js"]')
  );
  if (script === null) return;
  const door = new URL(script.src).origin;
  const { kind, id, language, title = "Book a time" } = script.dataset;

  const query = new URLSearchParams();
  if (kind && id) {
    query.set("kind", kind);
    query.set("id", id);
  }
  if (language) query.set("lang", language);
  const asked = query.size > 0 ? `?${query}` : "";

  const frame = document.createElement("iframe");
  frame.title = title;
  // Behind the #, for the page within: whom it may tell its height.
  frame.src = `${door}/book/embed/${asked}#${encodeURIComponent(location.origin)}`;
  frame.style.cssText = "display: block; width: 100%; border: 0";
  frame.style.height = `${HEIGHT_MIN_PX}px`;

  const link = document.createElement("a");
  link.href = `${door}/book/${asked}`;
  link.target = "_blank";
  link.rel = "noopener";
  link.textContent = title;
  link.hidden = true;
  script.after(frame, link);

  /** @param {boolean} isThere */
  const show = (isThere) => {
    frame.hidden = !isThere;
    frame.style.display = isThere ? "block" : "none";
    link.hidden = isThere;
  };
  let hasSpoken = false;
  const lookAfter = (/** @type {number} */ ms) => setTimeout(() => hasSpoken || show(false), ms);
  frame.addEventListener("load", () => lookAfter(SAID_WITHIN_MS));
  lookAfter(LOADED_WITHIN_MS);

  addEventListener("message", ({ origin, source, data }) => {
    if (origin !== door || source !== frame.contentWindow || data?.type !== "holdfast-height") return;
    const height = Number(data.height);
    if (!Number.isFinite(height)) return;
    hasSpoken = true;
    show(true);
    frame.style.height = `${Math.min(Math.max(height, HEIGHT_MIN_PX), HEIGHT_MAX_PX)}px`;
  });
})();
