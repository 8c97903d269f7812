// A hover preview is typeset before it is in the page, where it has no size, and its formulas come out as giant blots.
// Waiting for one frame mends that.
addEventListener("load", () => {
  const typeset = window.MathJax?.typesetPromise;
  if (!typeset) return;
  MathJax.typesetPromise = (...given) => new Promise(requestAnimationFrame).then(() => typeset(...given));
});

// A table that reaches beyond the text says so to the theme, which folds the contents of the page while it is in sight.
for (const table of document.querySelectorAll(".bd-article table")) {
  const box = table.closest("figure, .pst-scrollable-table-container");
  if (box && box.offsetWidth > box.parentElement.offsetWidth + 1) table.classList.add("full-width");
}

// Paper is white: a dark page is printed as a light one.
const look = document.documentElement.dataset;
let worn;
addEventListener("beforeprint", () => {
  worn = look.theme;
  look.theme = "light";
});
addEventListener("afterprint", () => {
  look.theme = worn;
});
