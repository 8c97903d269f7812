"""What the chapters of the book compute, draw and claim: one module per chapter, and what several of them share."""
