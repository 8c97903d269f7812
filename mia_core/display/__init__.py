"""How a chapter shows what it has: figures in the page's colours, tables, numbers in its text, and all of it as data.

figures.py  shows figures and tables with caption and alt text; glues numbers
tables.py   the book's tables: numbers and intervals as text
plots.py    the book's figures, each with the alt text that says what is plotted
svg.py      Matplotlib figures as inline SVG in the colours of the page
shown.py    what was shown, as data next to the HTML
"""
