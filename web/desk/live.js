/**
 * The admin feed over a WebSocket, with the filter of the days on show. A connection that is lost is made again and
 * resumes from the last position, so nothing is missed; where that is not possible it asks for everything anew.
 */

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 5000;
const SILENT_MS = 60_000;
/** The feed sends a heartbeat after 25 s of silence. */
const LOGIN_ENDED = new Set([4401, 4403]);

/** @typedef {{start_date: string, end_date: string}} Days */
/** @typedef {{type: string, data: any, position?: string}} Message */
/**
 * @typedef {object} Listener
 * @property {(message: Message) => void} news A booking was made, changed or deleted.
 * @property {() => void} reload What was missed is gone: ask for everything anew.
 * @property {(isOn: boolean) => void} state Whether the feed is heard.
 * @property {() => void} ended The login has ended.
 */

export class Feed {
  /** @param {Listener} listener */
  constructor(listener) {
    this.listener = listener;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {Days | null} */
    this.days = null;
    this.position = "";
    this.waitMs = FIRST_WAIT_MS;
    this.timer = 0;
    this.watchdog = 0;
    this.isStopped = true;
  }

  /** Hear of these days from a position on. @param {Days} days @param {string} position */
  follow(days, position) {
    this.days = days;
    this.position = position;
    this.isStopped = false;
    if (this.socket?.readyState === WebSocket.OPEN) this.subscribe();
    else if (this.socket === null && this.timer === 0) this.connect();
  }

  stop() {
    this.isStopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.watchdog);
    this.timer = 0;
    this.socket?.close();
    this.socket = null;
  }

  connect() {
    this.timer = 0;
    if (this.isStopped) return;
    const socket = new WebSocket(new URL("/ws/admin/bookings/", location.href.replace(/^http/, "ws")));
    this.socket = socket;
    socket.addEventListener("open", () => this.subscribe());
    socket.addEventListener("message", (event) => this.heard(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => this.lost(socket, event.code));
    this.watch();
  }

  subscribe() {
    this.socket?.send(JSON.stringify({ type: "subscribe", ...this.days, last_position: this.position }));
  }

  /** A connection that says nothing at all is made again. */
  watch() {
    clearTimeout(this.watchdog);
    this.watchdog = window.setTimeout(() => this.socket?.close(), SILENT_MS);
  }

  /** @param {Message} message */
  heard(message) {
    this.watch();
    if (message.type === "error") {
      this.again();
      return;
    }
    this.waitMs = FIRST_WAIT_MS;
    if (message.type === "subscribed") this.listener.state(true);
    if (message.type === "reload") this.listener.reload();
    else if (message.type.startsWith("booking_")) this.listener.news(message);
    if (message.position) this.position = message.position;
  }

  /** It was asked too often: the connection goes on, and the question is asked again. */
  again() {
    window.setTimeout(() => {
      if (this.socket?.readyState === WebSocket.OPEN) this.subscribe();
    }, LONGEST_WAIT_MS / 2);
  }

  /** @param {WebSocket} socket @param {number} code */
  lost(socket, code) {
    if (this.socket !== socket) return;
    this.socket = null;
    clearTimeout(this.watchdog);
    if (this.isStopped) return;
    this.listener.state(false);
    if (LOGIN_ENDED.has(code)) this.listener.ended();
    this.timer = window.setTimeout(() => this.connect(), this.waitMs * (0.75 + Math.random() / 2));
    this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
  }
}
