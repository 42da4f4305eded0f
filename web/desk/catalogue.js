/** What can be booked, by the resource that it takes: read when a booking is made. */
import { get } from "../lib/api.js";

/** @typedef {{id: number, name: string, duration_minutes: number | null}} Service */
/** @typedef {{id: number, resource_id: number, name: string, slot_duration_minutes: number}} Room */
/** @typedef {{id: number, resource_id: number, name: string, time_zone: string}} Practitioner */
/**
 * @typedef {object} Catalogue
 * @property {(Service & {resource_id: number, is_active: boolean})[]} services
 * @property {Room[]} rooms
 * @property {Practitioner[]} practitioners
 * @property {(Service & {booking_type: string, practitioner_ids: number[], is_active: boolean})[]} sessions
 */

/** @returns {Promise<Catalogue>} */
export async function readCatalogue() {
  const [services, rooms, practitioners, sessions] = await Promise.all([
    get("/api/admin/services/?limit=500"),
    get("/api/rooms/"),
    get("/api/v1/drf/practitioners/?page_size=100"),
    get("/api/v1/drf/services/?page_size=100&booking_type=individual"),
  ]);
  return {
    services: services.data,
    rooms: rooms.rooms,
    practitioners: practitioners.results,
    sessions: sessions.results,
  };
}
