"""Documents to notes: formats, sections, sentences, every offset into the stored original."""
