// Reads [[latex, displayMode], ...] and writes their HTML, in one message each.
const katex = require("../_assets/katex/katex.min.js");
const formulas = JSON.parse(require("fs").readFileSync(0, "utf8"));
const html = formulas.map(([latex, displayMode]) =>
  katex.renderToString(latex, { displayMode, throwOnError: false }));
process.stdout.write(JSON.stringify(html));
