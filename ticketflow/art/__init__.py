"""What an event looks like, drawn from its id: as SVG for pages, as pixels for whoever takes no SVG."""
