/** What a business is made of: for each kind of record where it is listed, made and changed, and its fields. */

/**
 * @typedef {object} Field
 * @property {string} name As the API calls it.
 * @property {string} label
 * @property {"text" | "number" | "money" | "date" | "time" | "checkbox" | "select" | "many" | "textarea" | "hours" | "words" | "weekdays" | "instant" | "email" | "tel" | "password"} [type]
 * @property {boolean} [required]
 * @property {boolean} [isFixed] Given once, when it is made.
 * @property {boolean} [isLater] Only changed, not given when it is made.
 * @property {any} [initial]
 * @property {string} [hint]
 * @property {string} [from] Of a choice: which other kind it is chosen from.
 * @property {[string, string][]} [options]
 * @property {string} [readAs] What answers call it, where that differs.
 */
/**
 * @typedef {object} Kind
 * @property {string} title
 * @property {string} one
 * @property {string} list Where they are listed.
 * @property {(told: any) => any[]} rows
 * @property {string} make
 * @property {(id: number) => string} [change]
 * @property {"PUT" | "PATCH"} [changedBy]
 * @property {(id: number) => string} [remove]
 * @property {string} [removeWords]
 * @property {(row: any) => string} [before] What else ends with it, said before it is taken away.
 * @property {(row: any) => string} [nameOf]
 * @property {Kind} [within] What is added to one of them: its `make` is a path below the record's own.
 * @property {Field[]} fields
 * @property {string[]} shown Fields that the list shows.
 * @property {string} [about] What it is for, where that does not go without saying.
 * @property {() => string} [line] What is copied into somebody's own page.
 */

/** @param {any} told */
const data = (told) => told.data;
/** @param {any} told */
const results = (told) => told.results;
const MARKET = "/api/v1/drf";
const KINDS_OF_SERVICE = /** @type {[string, string][]} */ ([
  ["individual", "One client, one practitioner"],
  ["workshop", "Workshop: seats in a session"],
  ["course", "Course: a seat in every session"],
  ["package", "Package: several services at once"],
  ["bundle", "Bundle: credits for later"],
]);

/** @type {Record<string, Kind>} */
export const BUSINESS = {
  services: {
    title: "Desk services",
    one: "service",
    list: "/api/admin/services/?limit=500",
    rows: data,
    make: "/api/admin/services/",
    change: (id) => `/api/admin/services/${id}/`,
    changedBy: "PUT",
    remove: (id) => `/api/admin/services/${id}/`,
    removeWords: "Deactivate",
    shown: ["name", "duration_minutes", "price_cents", "is_active"],
    fields: [
      { name: "name", label: "Name", required: true },
      { name: "description", label: "Description", type: "textarea" },
      { name: "duration_minutes", label: "Minutes", type: "number", initial: 60 },
      { name: "price_cents", label: "Price (minor units)", type: "number", initial: 0 },
      { name: "own_resource", label: "Has a time of its own, apart from the desk's", type: "checkbox", isFixed: true },
      { name: "is_active", label: "Can be booked", type: "checkbox", isLater: true },
    ],
  },
  rooms: {
    title: "Rooms",
    one: "room",
    list: "/api/admin/rooms/",
    rows: (told) => told.rooms,
    make: "/api/admin/rooms/",
    change: (id) => `/api/admin/rooms/${id}/`,
    changedBy: "PATCH",
    shown: ["name", "capacity", "price_per_slot", "is_available"],
    fields: [
      { name: "name", label: "Name", required: true },
      { name: "description", label: "Description", type: "textarea" },
      { name: "capacity", label: "People at most", type: "number", initial: 4 },
      { name: "price_per_slot", label: "Price of a slot", type: "money", initial: 0 },
      { name: "currency", label: "Currency", initial: "usd", isFixed: true },
      { name: "slot_duration_minutes", label: "Minutes of a slot", type: "number", initial: 30 },
      { name: "opening_time", label: "Opens", type: "time", initial: "09:00" },
      { name: "closing_time", label: "Closes", type: "time", initial: "18:00" },
      { name: "off_days", label: "Closed on", type: "weekdays" },
      { name: "amenities", label: "Amenities, by commas", type: "words" },
      { name: "is_available", label: "Can be booked", type: "checkbox", initial: true },
    ],
  },
  practitioners: {
    title: "Practitioners",
    one: "practitioner",
    list: `${MARKET}/practitioners/?page_size=100`,
    rows: results,
    make: `${MARKET}/practitioners/`,
    change: (id) => `${MARKET}/practitioners/${id}/`,
    changedBy: "PATCH",
    shown: ["name", "email", "is_active"],
    fields: [
      { name: "user_id", label: "Whose account", type: "select", from: "people", required: true, isFixed: true },
      { name: "name", label: "Shown as" },
      { name: "bio", label: "About", type: "textarea" },
      { name: "hours", label: "Hours", type: "hours" },
      { name: "buffer_before_minutes", label: "Minutes free before", type: "number", initial: 0 },
      { name: "buffer_after_minutes", label: "Minutes free after", type: "number", initial: 0 },
      { name: "notice_minutes", label: "Minutes of notice", type: "number", initial: 0 },
      { name: "horizon_days", label: "Days ahead at most", type: "number", initial: 365 },
      { name: "is_active", label: "Can be booked", type: "checkbox", isLater: true },
    ],
  },
  offers: {
    title: "Practitioners' services",
    one: "service",
    list: `${MARKET}/services/?page_size=100`,
    rows: results,
    make: `${MARKET}/services/`,
    change: (id) => `${MARKET}/services/${id}/`,
    changedBy: "PATCH",
    shown: ["name", "booking_type", "duration_minutes", "price_cents", "is_active"],
    fields: [
      { name: "name", label: "Name", required: true },
      {
        name: "booking_type",
        label: "Kind",
        type: "select",
        options: KINDS_OF_SERVICE,
        initial: "individual",
        isFixed: true,
      },
      { name: "description", label: "Description", type: "textarea" },
      { name: "duration_minutes", label: "Minutes (of an individual session)", type: "number" },
      { name: "price_cents", label: "Price (minor units)", type: "number", initial: 0 },
      { name: "currency", label: "Currency", initial: "usd", isFixed: true },
      { name: "practitioner_ids", label: "Given by", type: "many", from: "practitioners" },
      { name: "service_ids", label: "Includes (packages, bundles)", type: "many", from: "offers" },
      { name: "credits", label: "Credits (bundles)", type: "number" },
      { name: "valid_days", label: "Days that credits last", type: "number" },
      { name: "is_active", label: "Can be bought", type: "checkbox", isLater: true },
    ],
  },
  sessions: {
    title: "Sessions",
    one: "session",
    list: `${MARKET}/sessions/?page_size=100&is_upcoming=true`,
    rows: results,
    make: `${MARKET}/sessions/`,
    change: (id) => `${MARKET}/sessions/${id}/`,
    changedBy: "PATCH",
    remove: (id) => `${MARKET}/sessions/${id}/`,
    removeWords: "Cancel session",
    before: (row) => `${row.seats_taken} bookings and ${row.waiting} places in its waiting list end with it.`,
    nameOf: (row) => row.title || `Session ${row.id}`,
    shown: ["title", "start_time", "capacity", "seats_taken", "waiting"],
    fields: [
      { name: "service_id", label: "Of", type: "select", from: "offers", required: true, isFixed: true },
      {
        name: "practitioner_id",
        label: "Given by",
        type: "select",
        from: "practitioners",
        required: true,
        isFixed: true,
      },
      { name: "start_time", label: "Begins (your clock)", type: "instant", required: true, isFixed: true },
      { name: "end_time", label: "Ends (your clock)", type: "instant", required: true, isFixed: true },
      { name: "capacity", label: "Seats", type: "number", initial: 10, required: true },
      { name: "location_id", label: "Where", type: "select", from: "locations", isFixed: true },
      { name: "title", label: "Title" },
    ],
  },
  locations: {
    title: "Locations",
    one: "location",
    list: `${MARKET}/locations/?page_size=100`,
    rows: results,
    make: `${MARKET}/locations/`,
    change: (id) => `${MARKET}/locations/${id}/`,
    changedBy: "PATCH",
    shown: ["name", "address", "rooms", "is_active"],
    fields: [
      { name: "name", label: "Name", required: true },
      { name: "address", label: "Address" },
      { name: "is_active", label: "In use", type: "checkbox", isLater: true },
    ],
    within: {
      title: "Rooms",
      one: "room here",
      list: "",
      rows: () => [],
      make: "rooms/",
      shown: [],
      fields: [
        { name: "name", label: "Name of a new room" },
        { name: "resource_id", label: "Or a room that there is", type: "select", from: "rooms_as_resources" },
      ],
    },
  },
  categories: {
    title: "Categories",
    one: "category",
    list: "/api/admin/categories/",
    rows: (told) => told,
    make: "/api/admin/categories/",
    change: (id) => `/api/admin/categories/${id}/`,
    changedBy: "PUT",
    shown: ["name", "time_zone"],
    fields: [{ name: "name", label: "Name", required: true }],
  },
  slots: {
    title: "Time slots",
    one: "weekly pattern",
    list: "/api/admin/timeslots/?limit=100",
    rows: (told) => told,
    make: "/api/admin/timeslots/weekly/",
    remove: (id) => `/api/admin/timeslots/${id}/`,
    removeWords: "Take back",
    nameOf: (row) => `${row.category.name}, ${row.start_time.slice(0, 16)}`,
    shown: ["category", "start_time", "end_time", "is_booked"],
    fields: [
      { name: "category", label: "Category", type: "select", from: "categories", required: true },
      { name: "start_date", label: "From day", type: "date", required: true },
      { name: "end_date", label: "To day", type: "date", required: true },
      { name: "weekdays", label: "On", type: "weekdays", initial: [0, 1, 2, 3, 4], required: true },
      { name: "start_time", label: "From", type: "time", initial: "09:00", required: true },
      { name: "end_time", label: "To", type: "time", initial: "17:00", required: true },
      { name: "duration_minutes", label: "Minutes of a slot", type: "number", initial: 60, required: true },
      {
        name: "on_collision",
        label: "Where one is taken",
        type: "select",
        options: [
          ["skip", "leave that one out"],
          ["refuse", "make none"],
        ],
        initial: "skip",
      },
    ],
  },
  closures: {
    title: "Closures",
    one: "closure",
    list: "/api/admin/closures/?limit=100",
    rows: data,
    make: "/api/admin/closures/",
    remove: (id) => `/api/admin/closures/${id}/`,
    removeWords: "Open again",
    nameOf: (row) => `${row.resource.name}, ${row.start_date}`,
    shown: ["resource", "start_date", "end_date", "reason"],
    fields: [
      { name: "resource_id", label: "What is closed", type: "select", from: "resources", required: true },
      { name: "start_date", label: "From day", type: "date", required: true },
      { name: "end_date", label: "To day", type: "date" },
      { name: "start_time", label: "From (else the whole day)", type: "time" },
      { name: "end_time", label: "To", type: "time" },
      { name: "reason", label: "Reason" },
    ],
  },
  embedding: {
    title: "In other pages",
    one: "origin",
    about: "Pages of these origins may show the booking page in a frame. This line puts it there:",
    line: () => `<script src="${location.origin}/book/embed.js" async></script>`,
    list: "/api/admin/embedding-origins/",
    rows: data,
    make: "/api/admin/embedding-origins/",
    remove: (id) => `/api/admin/embedding-origins/${id}/`,
    removeWords: "Remove",
    nameOf: (row) => row.origin,
    shown: ["origin", "created_at"],
    fields: [{ name: "origin", label: "Origin, with its scheme", required: true }],
  },
};

/** Lists that choices are made from beside those above. @type {Record<string, {list: string, rows: (told: any) => any[], nameOf: (row: any) => string}>} */
export const CHOICES = {
  people: {
    list: "/api/admin/users/?limit=500&sort_by=date_joined&sort_order=desc",
    rows: data,
    nameOf: (row) => `${row.first_name} ${row.last_name}`.trim() || row.username,
  },
  rooms_as_resources: { list: "/api/admin/resources/?kind=room&limit=500", rows: data, nameOf: (row) => row.name },
  resources: { list: "/api/admin/resources/?limit=500", rows: data, nameOf: (row) => `${row.name} (${row.kind})` },
};

/** @param {Kind} kind @param {any} row */
export const nameOf = (kind, row) => (kind.nameOf ? kind.nameOf(row) : row.name);
