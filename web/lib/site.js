/** What the installation says about itself: `GET /api/site/`. */
import { get } from "./api.js";

/** @typedef {{username: string, password: string, role: string}} DemoAccount */
/**
 * @typedef {object} Site
 * @property {boolean} is_demo
 * @property {DemoAccount[]} demo_accounts
 * @property {string} time_zone
 * @property {string} language
 * @property {boolean} guests_may_book
 * @property {"none" | "stripe" | "stand-in"} payments
 * @property {string[]} sign_in_with
 */

/** @returns {Promise<Site>} */
export const site = () => get("/api/site/");
