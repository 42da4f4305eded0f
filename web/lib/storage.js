/** What this browser remembers. A frame or a strict setting may refuse to: then it lasts as long as the page. */

/** @param {() => Storage} storage naming it may throw already */
function remembered(storage) {
  /** @type {Map<string, string>} */
  const here = new Map();
  return {
    /** @param {string} name @returns {string | null} */
    get(name) {
      try {
        return storage().getItem(name);
      } catch {
        return here.get(name) ?? null;
      }
    },
    /** @param {string} name @param {string} value */
    set(name, value) {
      here.set(name, value);
      try {
        storage().setItem(name, value);
      } catch {}
    },
    /** @param {string} name */
    remove(name) {
      here.delete(name);
      try {
        storage().removeItem(name);
      } catch {}
    },
  };
}

/** In all tabs, until it is removed. */
export const lasting = remembered(() => localStorage);
/** In this tab. */
export const ofTab = remembered(() => sessionStorage);
