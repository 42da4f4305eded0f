/** What pages are made of: the only module that imports the libraries. */

import { useEffect, useId, useMemo, useRef, useState } from "../vendor/hooks.js";
import htm from "../vendor/htm.js";
import { h, render } from "../vendor/preact.js";
import { batch, computed, effect, signal, untracked, useComputed, useSignal } from "../vendor/signals.js";

/** Markup as a template. A value in it is set as text, never read as markup. */
export const html = htm.bind(h);

export {
  batch,
  computed,
  effect,
  h,
  render,
  signal,
  untracked,
  useComputed,
  useEffect,
  useId,
  useMemo,
  useRef,
  useSignal,
  useState,
};

/**
 * Draws a page into its `<div id="app">`.
 * @param {import("preact").ComponentChild} page
 */
export function mount(page) {
  const place = document.getElementById("app");
  if (place === null) throw new Error('The page has no <div id="app">');
  place.replaceChildren();
  render(page, place);
}
