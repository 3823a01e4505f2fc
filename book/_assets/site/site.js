// All that needs a script: the theme switch, the copy buttons, scrollable boxes in reach of the keyboard, places
// that have moved.

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

const toggle = document.querySelector(".theme");
toggle.hidden = false;
toggle.addEventListener("click", () => {
  const own = system.matches ? "dark" : "light";
  const theme = (root.dataset.theme ?? own) === "dark" ? "light" : "dark";
  root.dataset.theme = theme;
  // Back at the system's own theme there is nothing to remember: follow it again.
  if (theme === own) localStorage.removeItem("theme");
  else localStorage.theme = theme;
});

const copying = (button, name, text) => {
  button.type = "button";
  button.textContent = name;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text());
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = name), 1500);
  });
  return button;
};
const code = [...document.querySelectorAll("main .cell_input pre")];
for (const block of document.querySelectorAll(".highlight")) {
  // Output and reports are not copied; in a theorem the output holds the code that proves it.
  if (block.closest(".cell_input, .cell_output")?.matches(".cell_output") || block.closest(".highlight-text")) continue;
  const button = copying(document.createElement("button"), "Copy", () => block.querySelector("pre").textContent);
  button.className = "copy";
  block.append(button);
}
if (code.length) {
  // Cells build on one another, those that are folded too.
  const all = copying(document.createElement("button"), "Copy all code", () =>
    code.map((cell) => cell.textContent.trimEnd() + "\n").join("\n\n"),
  );
  const item = document.createElement("li");
  item.append(all);
  document.querySelector(".tools").prepend(item);
}

// On a narrow window the list of sections stands above the page, and opens when it is asked for.
const sections = document.querySelector(".toc details");
const narrow = matchMedia("(max-width: 75rem)");
narrow.addEventListener("change", () => sections && (sections.open = !narrow.matches));

const boxes = document.querySelectorAll(
  "pre, div.math, .katex-display, .cell_output, .pst-scrollable-table-container",
);
const reach = (box) => {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
};
const resized = new ResizeObserver((entries) => entries.forEach(({ target }) => reach(target)));
boxes.forEach((box) => resized.observe(box));
// A font that arrives late widens the contents, not the box.
document.fonts.ready.then(() => boxes.forEach(reach));

// What has moved to another page is found there by its anchor.
const findMoved = async (name) => {
  const top = new URL(root.dataset.content_root, location.href);
  const page = (await (await fetch(new URL("places.json", top))).json())[name];
  if (page) location.replace(new URL(`${page}#${name}`, top));
};
const anchor = decodeURIComponent(location.hash.slice(1));
if (anchor && !document.getElementById(anchor)) findMoved(anchor);

// Who comes from the search sees what was looked for; in formulas there are no words.
const words = new URLSearchParams(location.search).get("words");
if (words && globalThis.CSS?.highlights) {
  const pattern = new RegExp(`(?<!\\p{L})(?:${words.replace(/[^\p{L}\p{N} ]/gu, ".").split(" ").join("|")})\\p{L}*`, "giu");
  const texts = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT);
  const found = new Highlight();
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (text.parentElement.closest(".katex, pre")) continue;
    for (const { 0: word, index } of text.data.matchAll(pattern)) {
      const range = new Range();
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      found.add(range);
    }
  }
  CSS.highlights.set("found", found);
}

// Paper has no triangle to click.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});
