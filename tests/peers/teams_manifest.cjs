// Microsoft's schemas of app manifests as judges of ours.
//
// Usage: node teams_manifest.cjs MODULES MANIFEST
//
// The manifest must hold under the schema of its own version and under the newest one that the package
// has, told that version. Copies with one defect each must not. Prints a JSON object.

"use strict";

const fs = require("fs");
const path = require("path");

const [modules, file] = process.argv.slice(2);
const Ajv = require(path.join(modules, "ajv-draft-04"));
const formats = require(path.join(modules, "ajv-formats"));
const schemas = path.join(modules, "@microsoft/app-manifest/build/json-schemas/teams");
const manifest = JSON.parse(fs.readFileSync(file, "utf8"));

function judge(version, value) {
  const schema = path.join(schemas, `v${version}`, "MicrosoftTeams.schema.json");
  const ajv = new Ajv({ strict: false, allErrors: true });
  (formats.default || formats)(ajv);
  const validate = ajv.compile(JSON.parse(fs.readFileSync(schema, "utf8")));
  const copy = structuredClone(value);
  copy.manifestVersion = version;
  copy.$schema = copy.$schema.replace(/v[0-9.]+/, `v${version}`);
  return validate(copy) ? [] : validate.errors.map((e) => `${version}: ${e.instancePath} ${e.message}`);
}

const versions = [manifest.manifestVersion, "1.17", "1.23", "1.30"];
const complaints = versions.flatMap((version) => judge(version, manifest));
const defects = [
  (m) => delete m.id,
  (m) => delete m.developer.privacyUrl,
  (m) => (m.name.short = "x".repeat(31)),
  (m) => (m.description.short = "x".repeat(81)),
  (m) => (m.accentColor = "blue"),
  (m) => (m.bots[0].scopes = ["everywhere"]),
  (m) => (m.bots[0].commandLists[0].commands[0].title = "x".repeat(200)),
  (m) => (m.bots[0].botId = "bot"),
];
let refused = 0;
for (const [number, defect] of defects.entries()) {
  const copy = structuredClone(manifest);
  defect(copy);
  if (judge(manifest.manifestVersion, copy).length > 0) {
    refused++;
  } else {
    complaints.push(`the schema takes defect ${number}`);
  }
}
console.log(JSON.stringify({ complaints, taken: versions.length, refused }));
