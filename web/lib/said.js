/** What is said of the last thing that was asked, good or bad. */
import { Refused, Unreachable } from "./api.js";
import { html, useSignal } from "./ui.js";

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
      said.value = (problem instanceof Refused && inOurWords(problem)) || sentences(problem);
      isBad.value = true;
    }
    return !isBad.value;
  };
  const told = html`<div role="status">
    ${said.value && html`<p class=${isBad.value ? "note note--bad" : "note note--good"}>${said.value}</p>`}
  </div>`;
  return { tried, told, isSilent: said.value === "" };
}

/** Why something was not done, in the API's own words: each sentence once. @param {Refused | Unreachable} problem */
export function sentences(problem) {
  const more = problem instanceof Refused ? problem.errors.map((one) => one.message) : [];
  return [...new Set([problem.message, ...more])].join(" ");
}
