// A hover preview is typeset before it is in the page, where it has no size, and its formulas come out as giant blots.
// Waiting for one frame mends that.
addEventListener("load", () => {
  const typeset = window.MathJax?.typesetPromise;
  if (!typeset) return;
  MathJax.typesetPromise = (...given) => new Promise(requestAnimationFrame).then(() => typeset(...given));
});
