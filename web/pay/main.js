/** The page is being built. */
import { Top } from "../lib/top.js";
import { html, mount } from "../lib/ui.js";

mount(html`<${Top} title="" /><main class="page"><h1>This page is being built</h1></main>`);
