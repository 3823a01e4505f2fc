// The search page: asks the engine as one types, and shows the pages with the places in them.

const SHOWN = { pages: 10, places: 3 };
const input = document.querySelector(".bar input");
const status = document.getElementById("found");
const list = document.getElementById("results");
const index = Engine.load(searchIndex);

// With the words before it, so that what is found begins where a word does.
const marked = (text, words) => {
  const shown = document.createDocumentFragment();
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.map((word) => RegExp.escape?.(word) ?? word.replace(/\W/g, ".")).join("|")})[\\p{L}]*`, "giu");
  let end = 0;
  for (const found of text.matchAll(pattern)) {
    const mark = document.createElement("mark");
    mark.textContent = found[0];
    shown.append(text.slice(end, found.index), mark);
    end = found.index + found[0].length;
  }
  shown.append(text.slice(end));
  return shown;
};

const link = (page, hit, text) => {
  const anchor = document.createElement("a");
  anchor.href = `${document.documentElement.dataset.content_root}${page.address}?words=${encodeURIComponent(hit.words.join(" "))}#${hit.at}`;
  anchor.append(text);
  return anchor;
};

const item = (page) => {
  const entry = document.createElement("li");
  const title = document.createElement("h2");
  title.append(link(page, { at: "", words: page.hits[0].words }, page.title));
  const places = document.createElement("ul");
  for (const hit of page.hits.slice(0, SHOWN.places)) {
    const place = document.createElement("li");
    if (hit.section !== page.title) place.append(link(page, hit, hit.section));
    const excerpt = document.createElement("p");
    excerpt.append(marked(hit.text, hit.words));
    place.append(excerpt);
    places.append(place);
  }
  entry.append(title, places);
  return entry;
};

const show = () => {
  const query = input.value.trim();
  const pages = query ? Engine.find(index, query).slice(0, SHOWN.pages) : [];
  list.replaceChildren(...pages.map(item));
  status.textContent = !query
    ? "Type what you look for."
    : pages.length
      ? `What fits best, of ${index.pages.length} pages`
      : "Nothing has these words. Try others, or look among the questions people ask and in the glossary.";
  const address = new URL(location.href);
  address.searchParams.set("q", query);
  history.replaceState(null, "", address);
};

input.value = new URLSearchParams(location.search).get("q") ?? "";
input.addEventListener("input", show);
input.form.addEventListener("submit", (event) => event.preventDefault());
show();
