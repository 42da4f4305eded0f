// Verifies what stands in the first argument as a receiver does, with npm's `standardwebhooks`: {secret, headers, body}.
const { Webhook } = require("standardwebhooks");

const sent = JSON.parse(process.argv[2]);
const webhook = new Webhook(sent.secret);
const verified = webhook.verify(sent.body, sent.headers);
try {
  webhook.verify(sent.body + " ", sent.headers);
} catch {
  console.log(verified.type);
  process.exit(0);
}
console.error("a changed body was verified too");
process.exit(1);
