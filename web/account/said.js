/** What is said of the last thing that was asked, good or bad. */
import { Refused, Unreachable } from "../lib/api.js";
import { html, useSignal } from "../lib/ui.js";

/** `tried` resolves to whether it was done; the answer of `ask` is what is said then. */
export function useSaid() {
  const said = useSignal("");
  const isBad = useSignal(false);
  /** @param {() => Promise<string>} ask @param {(problem: Refused) => string} [inOurWords] "" for the API's own */
  const tried = async (ask, inOurWords = () => "") => {
    try {
      said.value = await ask();
      isBad.value = false;
    } catch (problem) {
      if (!(problem instanceof Refused || problem instanceof Unreachable)) throw problem;
      said.value = problem instanceof Refused ? inOurWords(problem) || sentences(problem) : problem.message;
      isBad.value = true;
    }
    return !isBad.value;
  };
  const told = html`<div role="status">
    ${said.value && html`<p class=${isBad.value ? "note note--bad" : "note note--good"}>${said.value}</p>`}
  </div>`;
  return { tried, told };
}

/** @param {Refused} problem */
const sentences = (problem) => [...new Set([problem.message, ...problem.errors.map((one) => one.message)])].join(" ");
