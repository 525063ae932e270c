"""Floor 6, the widgets: sliders that redraw a pure `wbc_tutorial.plots` function; nothing is shown only here."""
