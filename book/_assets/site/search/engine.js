// What finds: one index entry for each section, question, term and function. The build makes the index with this
// file in Node.js, the reader's browser asks it. A page's score is made of those of its best entries.

const Engine = ((MiniSearch, stemmer) => {
  const STOP = new Set(
    ("a about an and any are as at be been but by can could did do does for from get give had has have having how i if in " +
      "into is it its just make many may me much my of on or our should so some such than that the their them then there " +
      "these they this those to use using want was we what when where which while who why will with would you your")
      .split(" "),
  );

  // Names are found whole and in parts: from_logits, log-sum-exp, CrossEntropyLoss.
  // Of numbers only those with a point tell a page from another: 2.303.
  const words = (text) => {
    const found = [];
    for (const [name] of text.normalize("NFKD").replace(/\p{M}/gu, "").matchAll(/[\p{L}\p{N}]+(?:[-_.'’–][\p{L}\p{N}]+)*/gu)) {
      if (/^[\d.]+$/.test(name)) {
        if (name.includes(".") || name.length > 2) found.push(name);
        continue;
      }
      const parts = name.replace(/['’]\w$/, "").split(/[-_.'’–]|(?<=[a-z])(?=[A-Z])/);
      if (parts.length > 1) found.push(parts.join(""));
      found.push(...parts);
    }
    return found;
  };
  // Typing errors are errors of words as they stand; for the body of a text their stems must do.
  const term = (word, field) => {
    const lower = word.toLowerCase();
    const stem = stemmer(lower);
    return STOP.has(lower) ? null : stem === lower || field === "body" || field === "answers" ? stem : [lower, stem];
  };

  const OPTIONS = {
    fields: ["page", "keys", "section", "names", "asked", "answers", "body"],
    tokenize: words,
    processTerm: term,
  };
  const BOOST = { page: 9, keys: 8, section: 3, names: 2, asked: 2, answers: 0.6, body: 1 };
  // Lists hold every word; who wants a list asks for it by its title.
  const LIST = 0.5;
  const ADDED = 0.6;
  const [FIRST, DECAY] = [3, 0.5];

  const expanded = (query, synonyms) => {
    const own = new Set(words(query).flatMap((word) => term(word)).filter(Boolean));
    const plain = ` ${query.toLowerCase().replace(/[^\p{L}\p{N}_]+/gu, " ")} `;
    const added = Object.entries(synonyms).filter(([name]) => plain.includes(` ${name} `)).map(([, other]) => other);
    return { own, text: [query, ...added].join(" ") };
  };

  const find = (index, query) => {
    const { own, text } = expanded(query, index.synonyms);
    const hits = index.mini.search(text, {
      boost: BOOST,
      boostTerm: (word) => (own.has(word) ? 1 : ADDED),
      prefix: (word) => own.has(word) && word.length >= 4,
      fuzzy: (word) => (own.has(word) && word.length >= 4 ? 0.25 : false),
      weights: { prefix: 0.2, fuzzy: 0.2 },
    });
    const pages = new Map();
    for (const hit of hits) {
      const entry = index.entries[hit.id];
      if (!pages.has(entry.page)) pages.set(entry.page, { sum: 0, words: new Set(), hits: [] });
      const page = pages.get(entry.page);
      if (page.hits.length < FIRST) page.sum += hit.score * DECAY ** page.hits.length;
      hit.queryTerms.filter((word) => own.has(word)).forEach((word) => page.words.add(word));
      page.hits.push({ ...entry, words: hit.terms });
    }
    const weight = (page, { sum, words }) => sum * (page.list ? LIST : 1) * (words.size / own.size) ** 2;
    return [...pages]
      .map(([number, found]) => ({ ...index.pages[number], hits: found.hits, score: weight(index.pages[number], found) }))
      .sort((a, b) => b.score - a.score);
  };

  // MiniSearch writes an object for each word and field; as a line for each word the whole is half as large.
  const packed = (mini) => {
    const { index, ...rest } = JSON.parse(JSON.stringify(mini));
    const places = (own) => {
      let last = 0;
      return Object.entries(own).map(([id, count]) => {
        const step = (id - last).toString(36);
        last = Number(id);
        return count > 1 ? `${step}.${count}` : step;
      });
    };
    const line = ([word, fields]) => [word, ...Object.entries(fields).map(([field, own]) => [field, ...places(own)].join(" "))];
    return { ...rest, index: index.map((entry) => line(entry).join("\t")).join("\n") };
  };
  const unpacked = ({ index, ...rest }) => {
    const fieldOf = (text) => {
      const [field, ...places] = text.split(" ");
      let last = 0;
      const own = places.map((place) => {
        const [step, count = 1] = place.split(".");
        last += parseInt(step, 36);
        return [last, Number(count)];
      });
      return [field, Object.fromEntries(own)];
    };
    const entryOf = ([word, ...fields]) => [word, Object.fromEntries(fields.map(fieldOf))];
    return { ...rest, index: index.split("\n").map((line) => entryOf(line.split("\t"))) };
  };
  const build = (pages, entries) => {
    const mini = new MiniSearch(OPTIONS);
    mini.addAll(entries.map((entry, id) => ({ ...entry, id, page: entry.first ? pages[entry.page].title : "" })));
    return packed(mini);
  };
  const load = ({ mini, ...rest }) => ({ ...rest, mini: MiniSearch.loadJS(unpacked(mini), OPTIONS) });

  return { build, load, find };
})(
  typeof MiniSearch === "undefined" ? require("./minisearch.js") : MiniSearch,
  typeof stemmer === "undefined"
    ? new Function(`${require("fs").readFileSync(`${__dirname}/stemmer.js`, "utf8")}; return stemmer`)()
    : stemmer,
);

if (typeof module !== "undefined") module.exports = Engine;
