// What csp_evaluator says against the policies that the front door sends with our pages.
"use strict";
const { readFileSync } = require("node:fs");
const { CspParser } = require("csp_evaluator/dist/parser.js");
const { CspEvaluator } = require("csp_evaluator/dist/evaluator.js");
const { Severity } = require("csp_evaluator/dist/finding.js");

// "'self' can be problematic if you host JSONP, AngularJS or user uploaded files": none of them is served under our origin.
// "No bypass found" says it of Stripe's host, which only the page that pays lets in.
const LEFT_OUT = new Set(["'self'", "https://js.stripe.com", "https://*.js.stripe.com"]);

const policies = [...readFileSync("ops/Caddyfile", "utf8").matchAll(/^\t+import page "([^"]+)"$/gm)].map((found) => found[1]);
const findings = policies.flatMap((policy) =>
  new CspEvaluator(new CspParser(policy).csp)
    .evaluate()
    .filter((one) => one.severity !== Severity.NONE)
    .filter((one) => !(one.severity === Severity.MEDIUM_MAYBE && LEFT_OUT.has(one.value)))
    .map((one) => `${one.directive} ${one.value ?? ""} (severity ${one.severity}): ${one.description}\n  ${policy}`),
);
if (policies.length < 5 || findings.length > 0) {
  console.error(policies.length < 5 ? "ops/Caddyfile has fewer policies than pages" : findings.join("\n"));
  process.exit(1);
}
