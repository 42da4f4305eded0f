/** Whether this page stands within somebody else's page. There it has no login, and leads to windows of its own. */
export const isEmbedded = location.pathname.startsWith("/book/embed");
