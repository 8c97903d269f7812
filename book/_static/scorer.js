// Ranks of search results. The points are Sphinx's own, which it wants to have all of; the book is read for its
// chapters, so whatever is found in the API comes after all that is found elsewhere.
var Scorer = {
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: {0: 15, 1: 5, 2: -5},
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
  score: ([page, title, anchor, description, points]) => points - (page.startsWith("book/api") ? 1000 : 0),
};
