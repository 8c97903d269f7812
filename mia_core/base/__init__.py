"""What every room uses: errors, settings, text for messages, progress bars, and files written whole or not at all."""
