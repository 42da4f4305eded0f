/** The records of one kind: listed, made, changed, and taken away where that can be. */
import { del, get, Refused, Unreachable } from "../../lib/api.js";
import { AskedButton } from "../../lib/asked.js";
import { html, useEffect, useSignal } from "../../lib/ui.js";
import { BUSINESS, CHOICES, nameOf } from "./kinds.js";
import { RecordForm } from "./record_form.js";
import { shown } from "./values.js";

/** @param {{kind: import("./kinds.js").Kind}} what */
export function Records({ kind }) {
  /** @type {import("../../vendor/signals-core.js").Signal<any[] | null>} */
  const rows = useSignal(null);
  /** undefined for no form, null for a new one. @type {import("../../vendor/signals-core.js").Signal<any>} */
  const open = useSignal(undefined);
  /** @type {import("../../vendor/signals-core.js").Signal<import("./record_form.js").Choices>} */
  const choices = useSignal({});
  /** The record to which something is added. @type {import("../../vendor/signals-core.js").Signal<any>} */
  const within = useSignal(undefined);
  const problem = useSignal("");
  /** A secret that is told once. */
  const secret = useSignal("");
  /** @param {() => Promise<void>} ask */
  const tried = async (ask) => {
    problem.value = "";
    try {
      await ask();
    } catch (refused) {
      if (!(refused instanceof Refused || refused instanceof Unreachable)) throw refused;
      problem.value = refused.message;
    }
  };
  const load = () =>
    tried(async () => {
      rows.value = kind.rows(await get(kind.list));
    });
  /** @param {any} row */
  const edit = (row) =>
    tried(async () => {
      choices.value = await choicesOf(kind);
      open.value = row;
    });
  /** @param {any} row */
  const add = (row) =>
    tried(async () => {
      choices.value = await choicesOf(/** @type {import("./kinds.js").Kind} */ (kind.within));
      within.value = row;
    });
  /** @param {any} row */
  const remove = (row) =>
    tried(async () => {
      await del(/** @type {(id: number) => string} */ (kind.remove)(row.id));
      await load();
    });
  useEffect(() => {
    load();
  }, []);
  return html`
    <section aria-label=${kind.title}>
      <div class="row">
        <h2>${kind.title}</h2>
        <button type="button" onClick=${() => edit(null)}>New ${kind.one}</button>
      </div>
      ${kind.about && html`<p class="soft">${kind.about} ${kind.line && html`<code>${kind.line()}</code>`}</p>`}
      <div role="alert">${problem.value && html`<p class="note note--bad">${problem.value}</p>`}</div>
      ${secret.value && html`<p class="note note--warn" role="status">It is shown this once: <code>${secret.value}</code></p>`}
      ${
        open.value !== undefined &&
        html`<${RecordForm}
          key=${open.value?.id ?? "new"}
          kind=${kind}
          row=${open.value}
          choices=${choices.value}
          onDone=${(/** @type {any} */ made) => {
            secret.value = secretIn(made);
            open.value = undefined;
            load();
          }}
        />`
      }
      ${
        within.value !== undefined &&
        html`<${RecordForm}
          key=${`within-${within.value.id}`}
          kind=${below(kind, within.value)}
          row=${null}
          choices=${choices.value}
          onDone=${() => {
            within.value = undefined;
            load();
          }}
        />`
      }
      ${(rows.value !== null || problem.value === "") && html`<${Table} kind=${kind} rows=${rows.value} onEdit=${kind.change ? edit : undefined} onRemove=${kind.remove ? remove : undefined} onAdd=${kind.within ? add : undefined} />`}
    </section>
  `;
}

/** @param {any} made */
const secretIn = (made) => made?.data?.key ?? made?.key ?? made?.data?.secret ?? made?.secret ?? "";

/** @param {{kind: import("./kinds.js").Kind, rows: any[] | null, onEdit?: (row: any) => void, onRemove?: (row: any) => void, onAdd?: (row: any) => void}} what */
function Table({ kind, rows, onEdit, onRemove, onAdd }) {
  if (rows === null) return html`<p class="soft" role="status">Loading …</p>`;
  if (rows.length === 0) return html`<p class="soft">There is none yet.</p>`;
  const labels = new Map(kind.fields.map((one) => [one.name, one.label]));
  return html`
    <div class="desk-scroll" role="region" aria-label=${kind.title} tabindex="0">
      <table class="desk-table">
        <thead>
          <tr>
            ${kind.shown.map((field) => html`<th key=${field} scope="col">${labels.get(field) ?? field.replaceAll("_", " ")}</th>`)}
            <th scope="col"><span class="sr-only">What to do</span></th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) => html`<tr key=${row.id}>
              ${kind.shown.map((field) => html`<td key=${field}>${shown(row[field])}</td>`)}
              <td class="row">
                ${onEdit && html`<button type="button" class="button--quiet" aria-label=${`Change ${nameOf(kind, row)}`} onClick=${() => onEdit(row)}>Change</button>`}
                ${onRemove && html`<${AskedButton} words=${kind.removeWords} of=${nameOf(kind, row)} before=${kind.before?.(row) ?? ""} yes="Yes" act=${() => onRemove(row)} />`}
                ${onAdd && html`<button type="button" class="button--quiet" aria-label=${`New ${kind.within?.one}, ${nameOf(kind, row)}`} onClick=${() => onAdd(row)}>New ${kind.within?.one}</button>`}
              </td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  `;
}

/** What is added to a record, with its whole path. @param {import("./kinds.js").Kind} kind @param {any} row @returns {import("./kinds.js").Kind} */
function below(kind, row) {
  const inner = /** @type {import("./kinds.js").Kind} */ (kind.within);
  return { ...inner, make: `${kind.change?.(row.id)}${inner.make}` };
}

/** What the kind's fields are chosen from. @param {import("./kinds.js").Kind} kind */
async function choicesOf(kind) {
  const from = [...new Set(kind.fields.map((one) => one.from).filter((one) => one !== undefined))];
  const lists = await Promise.all(
    from.map(async (name) => {
      const source = CHOICES[name] ?? BUSINESS[name];
      const rows = source.rows(await get(source.list));
      return rows.map((row) => ({ id: row.id, name: source.nameOf ? source.nameOf(row) : row.name }));
    }),
  );
  return Object.fromEntries(from.map((name, number) => [name, lists[number]]));
}
