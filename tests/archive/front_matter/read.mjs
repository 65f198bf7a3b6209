// Reads documents (a JSON list of strings on stdin) as Hexo does; prints what it found as a JSON list.
// usage: node read.mjs FOLDER, the folder that `npm install` filled
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { readFileSync } from "node:fs";

const require = createRequire(join(resolve(process.argv[2]), "package.json"));
const { parse } = require("hexo-front-matter");
const documents = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(documents.map((text) => parse(text))));
