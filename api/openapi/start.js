// A visitor who is logged in has the cookie `csrftoken`: what is tried out from here carries it along.
"use strict";

const withCsrf = (request) => {
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  if (token && new URL(request.url, location.href).origin === location.origin) {
    request.headers["X-CSRFToken"] = decodeURIComponent(token[1]);
  }
  return request;
};

window.ui = SwaggerUIBundle({
  url: "/api/schema/",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  persistAuthorization: true, // over a reload; "Logout" in its dialog forgets it
  validatorUrl: null, // nothing leaves this page for another host
  requestInterceptor: withCsrf,
});
