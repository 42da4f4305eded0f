/** A list that is asked for once, with what can be done to each line. */
import { get, Refused, Unreachable } from "../../lib/api.js";
import { html, useEffect, useSignal } from "../../lib/ui.js";

/**
 * @param {{title: string, path: string, rows: (told: any) => any[], none: string, children?: any,
 *   acts?: {words: string, act: (row: any) => Promise<any>}[]}} what
 */
export function Asked({ title, path, rows, none, children, acts = [] }) {
  /** @type {import("../../vendor/signals-core.js").Signal<any[] | null>} */
  const found = useSignal(null);
  const said = useSignal("");
  /** @param {() => Promise<void>} ask */
  const tried = async (ask) => {
    said.value = "";
    try {
      await ask();
    } catch (problem) {
      if (!(problem instanceof Refused || problem instanceof Unreachable)) throw problem;
      said.value = problem.message;
    }
  };
  const load = () =>
    tried(async () => {
      found.value = rows(await get(path));
    });
  useEffect(() => {
    load();
  }, [path]);
  return html`
    <section aria-label=${title}>
      <div class="row">
        <h2>${title}</h2>
        <button type="button" class="button--quiet" onClick=${load}>Ask again</button>
      </div>
      <div role="alert">${said.value && html`<p class="note note--bad">${said.value}</p>`}</div>
      ${found.value?.length === 0 && html`<p class="soft">${none}</p>`}
      <ul>
        ${(found.value ?? []).map(
          (one) => html`<li key=${one.id} class="desk-line">
            ${children(one)}
            ${acts.map(
              ({ words, act }) => html`${" "}<button
                type="button"
                class="button--quiet"
                onClick=${() =>
                  tried(async () => {
                    await act(one);
                    await load();
                  })}
              >
                ${words}
              </button>`,
            )}
          </li>`,
        )}
      </ul>
    </section>
  `;
}
