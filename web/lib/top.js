/** The line at the top of a page: where one is, who is signed in, and the language. */
import { me, nameOf, signOut } from "./session.js";
import { html } from "./ui.js";
import { choose, LANGUAGES, language, NAMES, t } from "./words.js";

/** @param {{title: string, languages?: boolean}} what */
export function Top({ title, languages = false }) {
  return html`
    <header class="bar">
      <a class="bar__name" href="/">Holdfast <span class="soft">${title}</span></a>
      <div class="row">
        ${languages && html`<${LanguageChoice} />`}
        ${
          me.value &&
          html`<span class="small">${nameOf(me.value)}</span>
            <button type="button" class="button--quiet" onClick=${signOut}>${t("Sign out")}</button>`
        }
      </div>
    </header>
  `;
}

export function LanguageChoice() {
  return html`
    <label class="row small">
      <span class="sr-only">${t("Language")}</span>
      <select
        value=${language.value}
        onChange=${(/** @type {{currentTarget: HTMLSelectElement}} */ event) =>
          choose(/** @type {import("./words.js").Language} */ (event.currentTarget.value))}
      >
        ${LANGUAGES.map((one) => html`<option value=${one} lang=${one} selected=${one === language.value}>${NAMES[one]}</option>`)}
      </select>
    </label>
  `;
}
