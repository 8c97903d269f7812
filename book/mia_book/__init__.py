"""What single chapters of the book compute, draw and claim, beside the tools that all of them share."""
