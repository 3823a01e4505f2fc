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

for (const block of document.querySelectorAll(".highlight")) {
  // Output is not copied; in a theorem it holds the code that proves it.
  if (block.closest(".cell_input, .cell_output")?.matches(".cell_output")) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("pre").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  block.append(button);
}

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

// Paper has no triangle to click.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});
