/** Who is signed in here. The login is a cookie that scripts cannot read; what is known of it comes from the API. */
import { signal } from "../vendor/signals-core.js";
import { get, post, Refused } from "./api.js";
import { isEmbedded } from "./embedded.js";

/** @typedef {{id: number, username: string, email: string, first_name: string, last_name: string, is_staff: boolean, is_superuser: boolean}} User */

/** undefined until it is known, null for nobody. @type {import("../vendor/signals-core.js").Signal<User | null | undefined>} */
export const me = signal(undefined);

/** Ask the API who is signed in. Throws `Unreachable`. */
export async function load() {
  try {
    me.value = isEmbedded ? null : await get("/api/auth/user/");
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    me.value = null;
  }
  return me.value;
}

/** By user name or email address. @param {string} username @param {string} password */
export async function signIn(username, password) {
  const answer = await post("/api/auth/login/", { username, password });
  me.value = answer.user;
}

/** A new account, signed in at once. @param {string} email @param {string} password */
export async function register(email, password) {
  await post("/api/register/", { email, password, confirm_password: password });
  await signIn(email, password);
}

export async function signOut() {
  await post("/api/auth/logout/", {});
  me.value = null;
}

/** How somebody is called on a page. @param {User} user */
export const nameOf = (user) => `${user.first_name} ${user.last_name}`.trim() || user.email || user.username;
