"""Reports: summarise into plain values, then render; the template only lays out."""
