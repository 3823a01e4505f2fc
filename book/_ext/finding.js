// Reads {pages, entries, synonyms}, and writes the search index as the script that the search page loads.
const engine = require("../_assets/site/search/engine.js");
const { pages, entries, synonyms } = JSON.parse(require("fs").readFileSync(0, "utf8"));

// What is above all in the title, the keywords and the first lines: a whole section would make the index a third larger.
const INDEXED = 1500;
const SHOWN = 170;

const short = entries.map((entry) => ({
  ...entry,
  body: entry.body.slice(0, INDEXED),
  answers: entry.answers.slice(0, INDEXED),
}));
const excerpt = (text) => {
  const line = text.replace(/\n/g, " ");
  if (line.length <= SHOWN) return line;
  const whole = line.slice(0, SHOWN).match(/^.{60,}[.?!](?= )/)?.[0];
  return whole ?? `${line.slice(0, SHOWN).replace(/ \S*$/, "")} …`;
};
const shown = entries.map(({ page, at, section, body }) => ({ page, at, section, text: excerpt(body) }));
const mini = engine.build(pages, short);
process.stdout.write(`const searchIndex = ${JSON.stringify({ pages, entries: shown, synonyms, mini })};\n`);
