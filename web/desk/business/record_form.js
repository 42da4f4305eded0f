/** One record of a business: a form made of its kind's fields. What is refused is said beside the field. */
import { patch, post, put, Refused, Unreachable } from "../../lib/api.js";
import { html, useSignal } from "../../lib/ui.js";
import { bodyOf, hoursInWords, WEEKDAYS } from "./values.js";

/** @typedef {import("./kinds.js").Field} Field */
/** @typedef {Record<string, {id: number, name: string}[]>} Choices */

/** @param {{kind: import("./kinds.js").Kind, row: any, choices: Choices, onDone: (made?: any) => void}} what */
export function RecordForm({ kind, row, choices, onDone }) {
  /** @type {import("../../vendor/signals-core.js").Signal<Record<string, string>>} */
  const problems = useSignal({});
  const isSaving = useSignal(false);
  /** @param {SubmitEvent & {currentTarget: HTMLFormElement}} event */
  const send = async (event) => {
    event.preventDefault();
    isSaving.value = true;
    problems.value = {};
    try {
      const body = bodyOf(event.currentTarget, kind.fields, row);
      let made = null;
      if (row === null) made = await post(kind.make, body);
      else if (kind.change) await (kind.changedBy === "PUT" ? put : patch)(kind.change(row.id), body);
      onDone(made);
    } catch (problem) {
      if (!(problem instanceof Refused || problem instanceof Unreachable)) throw problem;
      problems.value = told(problem, kind.fields);
    } finally {
      isSaving.value = false;
    }
  };
  const fields = kind.fields.filter((one) => (row === null ? !one.isLater : !one.isFixed));
  const name = row === null ? `New ${kind.one}` : `Change this ${kind.one}`;
  return html`
    <form class="card desk-form" onSubmit=${send} aria-label=${name} autocomplete="off">
      ${fields.map(
        (field) =>
          html`<${Entry} key=${field.name} field=${field} row=${row} choices=${choices} problem=${problems.value[field.name]} />`,
      )}
      <div class="desk-form__end">
        <div role="alert">${problems.value[""] && html`<p class="note note--bad">${problems.value[""]}</p>`}</div>
        <div class="row">
          <button type="submit" disabled=${isSaving.value}>${isSaving.value ? "Saving …" : "Save"}</button>
          <button type="button" class="button--quiet" onClick=${() => onDone()}>Leave it</button>
        </div>
      </div>
    </form>
  `;
}

/** By field; what belongs to none under "". @param {Refused | Unreachable} problem @param {Field[]} fields */
function told(problem, fields) {
  /** @type {Record<string, string>} */
  const found = { "": problem.message };
  for (const one of problem instanceof Refused ? problem.errors : []) {
    const field = fields.find(({ name }) => name === one.field.split(/[.[]/)[0]);
    if (field === undefined) found[""] = `${found[""]} ${one.field}: ${one.message}`;
    else found[field.name] = one.message;
  }
  return found;
}

/** @param {{field: Field, row: any, choices: Choices, problem: string | undefined}} what */
function Entry({ field, row, choices, problem }) {
  const value = row === null ? field.initial : row[field.readAs ?? field.name];
  const invalid = problem === undefined ? undefined : "true";
  const told = problem && html`<span class="field__problem" role="alert">${problem}</span>`;
  if (field.type === "weekdays" || field.type === "many") {
    const options =
      field.type === "weekdays" ? WEEKDAYS.map((name, id) => ({ id, name })) : (choices[field.from ?? ""] ?? []);
    return html`<fieldset class="desk-many">
      <legend>${field.label}</legend>
      ${options.map(
        (one) => html`<label key=${one.id} class="row small">
          <input type="checkbox" name=${field.name} value=${one.id} defaultChecked=${value?.includes(one.id)} /> ${one.name}
        </label>`,
      )}
      ${told}
    </fieldset>`;
  }
  if (field.type === "checkbox") {
    return html`<label class="row small">
      <input type="checkbox" name=${field.name} defaultChecked=${value === true} /> ${field.label} ${told}
    </label>`;
  }
  return html`<label class="field"><span>${field.label}</span>
    <${Control} field=${field} value=${value} choices=${choices} invalid=${invalid} />${told}
  </label>`;
}

const INPUTS = {
  number: "number",
  date: "date",
  time: "time",
  instant: "datetime-local",
  email: "email",
  tel: "tel",
  password: "password",
};

/** @param {{field: Field, value: any, choices: Choices, invalid: string | undefined}} what */
function Control({ field, value, choices, invalid }) {
  const { name, type, required = false } = field;
  if (type === "textarea") {
    return html`<textarea name=${name} rows="2" defaultValue=${value ?? ""} aria-invalid=${invalid}></textarea>`;
  }
  if (type === "hours") {
    return html`<textarea name=${name} rows="5" defaultValue=${hoursInWords(value ?? [])} placeholder="Mon 09:00-17:00" aria-invalid=${invalid}></textarea>`;
  }
  if (type === "select") {
    const options = field.options ?? (choices[field.from ?? ""] ?? []).map((one) => [one.id, one.name]);
    return html`<select name=${name} required=${required} aria-invalid=${invalid}>
      ${!required && html`<option value=""></option>`}
      ${options.map(([id, words]) => html`<option key=${id} value=${id} selected=${id === value}>${words}</option>`)}
    </select>`;
  }
  const shown =
    type === "words" ? (value ?? []).join(", ") : type === "time" ? (value ?? "").slice(0, 5) : (value ?? "");
  const kind = INPUTS[/** @type {keyof typeof INPUTS} */ (type)] ?? "text";
  return html`<input type=${kind} name=${name} required=${required} defaultValue=${shown} aria-invalid=${invalid} />`;
}
