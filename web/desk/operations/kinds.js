/** Agent keys and webhooks, as records like those of the business. */

/** @type {Record<string, import("../business/kinds.js").Kind>} */
export const OPERATIONS = {
  keys: {
    title: "Agent keys",
    one: "key",
    list: "/api/admin/agent-keys/?is_active=true&limit=100",
    rows: (told) => told.data,
    make: "/api/admin/agent-keys/create/",
    change: (id) => `/api/admin/agent-keys/${id}/update/`,
    changedBy: "PUT",
    remove: (id) => `/api/admin/agent-keys/${id}/delete/`,
    removeWords: "Revoke",
    shown: ["name", "hint", "last_used_at", "writes_per_minute"],
    fields: [
      { name: "name", label: "Name", required: true },
      { name: "networks", label: "Only from these networks, by commas", type: "words" },
      { name: "writes_per_minute", label: "Writes a minute", type: "number", initial: 600 },
    ],
  },
  webhooks: {
    title: "Webhooks",
    one: "webhook",
    list: "/api/admin/webhooks/",
    rows: (told) => told.data ?? told.results ?? told,
    make: "/api/admin/webhooks/",
    change: (id) => `/api/admin/webhooks/${id}/`,
    changedBy: "PATCH",
    remove: (id) => `/api/admin/webhooks/${id}/`,
    removeWords: "Remove",
    nameOf: (row) => row.url,
    shown: ["url", "is_enabled", "description"],
    fields: [
      { name: "url", label: "Address (https)", required: true },
      { name: "description", label: "Description" },
    ],
  },
};
