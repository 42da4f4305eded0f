/** What is held counts down, where everybody sees it. */
import { serverNow } from "./api.js";
import { countdown } from "./times.js";
import { html, useEffect, useSignal } from "./ui.js";
import { t } from "./words.js";

const STEP_MS = 250;
/** The engine takes a moment to expire what has lapsed: it is asked until it has. */
const AGAIN_MS = 1000;
const SAID_AT_S = new Set([300, 60, 30, 10]);

/** @param {string} until @returns {number} seconds */
const leftOf = (until) => (new Date(until).getTime() - serverNow()) / 1000;

/** Counts down to an instant; `onEnd` is called once it has come. @param {{until: string, onEnd: () => void}} what */
export function Hold({ until, onEnd }) {
  const left = useSignal(leftOf(until));
  const said = useSignal("");
  useEffect(() => {
    let ended = 0;
    const timer = setInterval(() => {
      left.value = leftOf(until);
      const whole = Math.ceil(left.value);
      if (SAID_AT_S.has(whole)) said.value = t("{time} left", { time: countdown(whole) });
      if (left.value <= 0 && Date.now() - ended > AGAIN_MS) {
        ended = Date.now();
        onEnd();
      }
    }, STEP_MS);
    return () => clearInterval(timer);
  }, [until]);
  return html`
    <p class="note note--warn hold">
      <span>${t("Held for you for")}</span> <strong role="timer" class="hold__left">${countdown(left.value)}</strong>
      <span class="sr-only" role="status">${said.value}</span>
    </p>
  `;
}
