"""Pages that people look at. Import matplotlib; serving never imports them."""
