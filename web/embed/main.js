/** The booking page within somebody else's page. It tells that page how high it is, and nothing else. */
import "../book/main.js";

/** The page around this one, as its script names it (`web/pages/embed.js`). The browser delivers to it alone. */
function around() {
  try {
    const { origin } = new URL(decodeURIComponent(location.hash.slice(1)));
    return origin === "null" ? null : origin;
  } catch {
    return null;
  }
}

const target = around();
const parents = /** @type {{ancestorOrigins?: DOMStringList}} */ (/** @type {unknown} */ (location)).ancestorOrigins;
const isTheParent = parents === undefined || parents.length === 0 || parents[0] === target;

if (target !== null && isTheParent && parent !== window) {
  const tell = () => {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    parent.postMessage({ type: "holdfast-height", height }, target);
  };
  new ResizeObserver(tell).observe(document.body);
  tell();
}
