// Microsoft's own validator of inbound tokens, asked about each of a list.
//
// Usage: node teams_tokens.cjs MODULES QUESTION
//
// QUESTION is a JSON file with app, tenant, openid (the address of the document on loopback) and
// attempts, each with name, authorization and body. Prints a JSON object: by name, whether it is taken.

"use strict";

const fs = require("fs");
const path = require("path");

const [modules, file] = process.argv.slice(2);
const sdk = path.join(modules, "@microsoft/teams.apps/dist/middleware/auth");
const { InboundActivityTokenValidator } = require(path.join(
  sdk,
  "inbound-activity-token-validator.js",
));

const silent = { child: () => silent };
for (const level of ["error", "warn", "info", "debug", "trace", "log"]) {
  silent[level] = () => {};
}

async function main() {
  const { app, tenant, openid, attempts } = JSON.parse(fs.readFileSync(file, "utf8"));
  const cloud = {
    loginEndpoint: "https://login.microsoftonline.com",
    openIdMetadataUrl: openid,
    tokenIssuer: "https://api.botframework.com",
  };
  const verdicts = {};
  // One for all would be slowed down by its own limit on fetches of keys.
  for (const { name, authorization, body } of attempts) {
    const validator = new InboundActivityTokenValidator(app, tenant, undefined, silent, cloud);
    try {
      await validator.check(authorization, body);
      verdicts[name] = true;
    } catch {
      verdicts[name] = false;
    }
  }
  console.log(JSON.stringify(verdicts));
}

main();
