"""Arrays from outside: read without executing anything, checked and normalised once, and warned about."""
